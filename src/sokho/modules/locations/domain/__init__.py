"""The location, its place in the tree, and their rules."""
