"""The API key and its rules."""
