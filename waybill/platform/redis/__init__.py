"""Redis: its clients, and the messages of jobs."""
