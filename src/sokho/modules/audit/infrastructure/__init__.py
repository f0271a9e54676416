"""Where recorded events are found and served."""
