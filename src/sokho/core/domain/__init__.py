"""Pure Python: errors, ids, texts and who is acting."""
