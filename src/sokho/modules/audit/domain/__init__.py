"""The recorded event."""
