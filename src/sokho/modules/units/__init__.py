"""Units of measure: how quantities of items are told."""
