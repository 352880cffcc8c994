"""Background jobs: each message calls one use-case.

Imports the broker first, then every actor module, to register it.
"""

from actors.broker import broker

from actors import operations, purge, sweepers, verify, webhooks  # isort: skip

__all__ = ["broker", "operations", "purge", "sweepers", "verify", "webhooks"]
