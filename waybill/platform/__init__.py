"""What all domains use: settings, errors, clients of servers, metrics, traces and logs."""
