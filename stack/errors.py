"""The error of this package."""


class StackError(Exception):
    """A server, the data folder or a child process failed. The message says what to do."""
