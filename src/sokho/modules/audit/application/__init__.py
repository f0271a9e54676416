"""How a recorded event looks from outside."""
