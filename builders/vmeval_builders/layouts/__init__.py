"""What the files of a folder mean: which are rows, which are columns."""
