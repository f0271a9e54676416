"""What modules share at their edge: the DTO base and paging."""
