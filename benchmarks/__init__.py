"""Sokho under load, beside the pattern it replaces and beside the limit of Python."""
