"""The item and its rules."""
