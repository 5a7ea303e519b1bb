"""Raw folders to a repository and back, file by file."""
