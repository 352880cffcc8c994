"""The commands for those who have files: each works against any Waybill, by its REST API."""
