"""Statements: what a member gets for a date."""
