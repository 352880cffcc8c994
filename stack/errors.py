"""The one error of this package."""


class StackError(Exception):
    """A server, the data folder or a supervised child is not as it must be; the message says what to do."""
