"""The commands for users of files. They use the REST API, so they work with any Waybill server."""
