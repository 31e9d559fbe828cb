"""Settlement: rules, folds, the settlement run, the ledger, the audit and the command line."""
