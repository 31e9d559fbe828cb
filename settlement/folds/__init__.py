"""Pure folds over the log: state from batches of events, no clock, no input, no output."""
