"""Folder to rows and back: the layouts, with no network and no command line."""
