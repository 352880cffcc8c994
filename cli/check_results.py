"""Exceptions by which a check of `waybill doctor` reports what it found."""


class CheckFailed(Exception):
    """Raised by a check that fails. The message says what failed, why it matters and what to do."""


class CheckNote(Exception):
    """Raised by a check that finds a limitation which the current settings do not depend on."""
