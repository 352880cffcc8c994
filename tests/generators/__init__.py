"""Clients that are generated from the contracts, and clients of others."""
