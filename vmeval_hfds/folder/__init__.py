"""Rows to a folder: which, where to, and how they are written."""
