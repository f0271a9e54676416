"""API keys: how a business proves who it is, and what each key may do."""
