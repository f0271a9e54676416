"""The ledger in PostgreSQL and over HTTP."""
