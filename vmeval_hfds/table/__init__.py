"""Parquet datasets: shards, their columns, the list of files, the card."""
