"""How a business looks from outside."""
