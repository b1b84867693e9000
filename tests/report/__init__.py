"""Reports: a record in, something to read out."""
