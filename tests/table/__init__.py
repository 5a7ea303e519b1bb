"""Specs of Parquet datasets: reading, columns, lists of files."""
