"""Whatever holds files: a folder on disk, an archive."""
