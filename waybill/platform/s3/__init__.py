"""The object store: ``storage`` reads and removes objects, ``multiparts`` puts parts together."""
