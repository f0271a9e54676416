"""How a location looks from outside."""
