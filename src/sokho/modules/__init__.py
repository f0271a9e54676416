"""Business modules, each with the same rooms and independent of the others."""
