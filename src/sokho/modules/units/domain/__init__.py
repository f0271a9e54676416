"""The unit and its rules."""
