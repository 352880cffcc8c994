"""What a caller, or a message, may ask for. Each rule lives here, once."""
