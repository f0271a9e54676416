"""The tenant and its rules."""
