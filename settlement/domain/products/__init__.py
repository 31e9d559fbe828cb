"""Product documents: what a family of contracts is, before a month makes a contract of it."""
