"""A hedger's view: what computing will cost with the futures that are held, and what of it stays open."""
