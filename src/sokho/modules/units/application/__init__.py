"""How a unit looks from outside."""
