"""The audit: the log once more through the second engine, compared with the ledger."""
