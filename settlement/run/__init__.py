"""The settlement run: collect, recompute with the second engine, check, post."""
