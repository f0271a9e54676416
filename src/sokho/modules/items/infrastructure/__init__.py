"""Where items are stored and served."""
