"""Bytes of the log as records and columns: schemas, codec, partitioner."""
