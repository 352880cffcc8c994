"""HTTP only. The rules are in ``waybill``."""
