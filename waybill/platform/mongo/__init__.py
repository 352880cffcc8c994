"""MongoDB: connection, errors, transactions, leases, and expressions by its clock."""
