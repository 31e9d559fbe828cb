"""What the platform runs on, and the exchange that it can be tried with."""
