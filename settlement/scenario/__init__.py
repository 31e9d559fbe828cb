"""The scenario language: a text file an accountant can read, settled offline."""
