"""Pure values and rules of clearing; imports the standard library only."""
