"""The message of an error, for an operator."""

from waybill.platform.errors import ServiceUnavailable

#: Longest part of a driver's message that is printed. MongoDB's describes every member of the set.
MAX_REASON_CHARACTERS = 300


def error_message(error: Exception) -> str:
    """Return the message. For an unavailable server it includes the cause, which the API hides."""
    if not isinstance(error, ServiceUnavailable) or error.__cause__ is None:
        return str(error)
    reason = " ".join(str(error.__cause__).split())[:MAX_REASON_CHARACTERS]
    return f"{error.message} ({reason or type(error.__cause__).__name__})"
