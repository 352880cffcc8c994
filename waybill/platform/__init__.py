"""What all domains stand on: settings, errors, the servers' clients, metrics, traces and logs."""
