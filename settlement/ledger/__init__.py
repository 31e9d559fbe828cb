"""The ledger: append-only double entry in Postgres, guarded by the database itself.

`migrate` makes the schema, `poster` posts a cycle in one transaction, `queries` and `audit` read, `outbox` publishes.
"""
