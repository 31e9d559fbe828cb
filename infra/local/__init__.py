"""Embedded Kafka and Postgres and the supervisor of all processes."""
