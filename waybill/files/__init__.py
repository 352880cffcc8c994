"""Files, from the request of an upload to the purge of its object: one module for each act."""
