"""How an API key looks from outside."""
