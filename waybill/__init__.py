"""What a file is and what may happen to it."""
