"""How an item looks from outside."""
