"""Where the shards of a dataset lie."""
