"""The REST face, mounted at /api/v1."""
