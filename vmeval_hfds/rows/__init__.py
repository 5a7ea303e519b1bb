"""One way to read rows, whatever holds them."""
