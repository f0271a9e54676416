"""Where tenants are stored and served."""
