"""Where API keys are stored and served."""
