"""Items: what a business keeps in stock, by SKU."""
