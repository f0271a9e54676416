"""Locations: where a business keeps its stock, from the warehouse down to the shelf."""
