"""The object store: ``storage`` reads and removes objects, ``multiparts`` assembles parts."""
