"""The stock ledger: what came in, went out and moved, and what is there."""
