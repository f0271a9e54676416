"""What Sokho is compared with: the same rows, the same role, the same row-level security."""
