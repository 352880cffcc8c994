"""Redis: its clients, and the messages that jobs are sent by."""
