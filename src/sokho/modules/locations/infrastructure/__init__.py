"""Where locations are stored and served."""
