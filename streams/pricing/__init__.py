"""Pricing: proposes a date's settlement prices when every partition of the market has answered its cut."""
