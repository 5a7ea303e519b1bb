"""Rows and lists of files as Arrow tables."""
