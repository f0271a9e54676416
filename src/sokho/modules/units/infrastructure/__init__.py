"""Where units are stored and served."""
