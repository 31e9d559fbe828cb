"""A simulated exchange with real index data."""
