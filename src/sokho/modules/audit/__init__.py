"""Audit: what has happened in a business, for whoever may ask."""
