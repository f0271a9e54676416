"""What clients of the ledger send and receive."""
