"""The gateway: the only writer of the input topics; orders in time, validates, novates."""
