"""Delivery: what the exchange sends goes in, folds run on it under Faust, results come out."""
