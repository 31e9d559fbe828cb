"""The command line novate; everything is wired together here."""
