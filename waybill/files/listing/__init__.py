"""Lists of files: filters, sort orders and pages, each a bounded piece of work on an index."""
