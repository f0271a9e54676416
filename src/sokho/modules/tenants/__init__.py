"""Tenants: the businesses themselves."""
