"""REST, mounted at /api/v1."""
