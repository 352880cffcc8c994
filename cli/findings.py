"""What a check of `waybill doctor` raises."""


class Complaint(Exception):
    """Raised by a check that fails: what was found, and what to change."""


class Remark(Exception):
    """Raised by a check of what is not relied on as it is configured: what was found."""
