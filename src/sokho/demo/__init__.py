"""Demo data: two made-up Vietnamese businesses and their items."""
