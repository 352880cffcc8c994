"""MongoDB: connection, errors, transactions, leases, and update expressions."""
