"""Messages in, use-cases called. The broker first, then every actor module, so that each registers."""

from actors.broker import broker

from actors import purge, sweepers, verify, webhooks  # isort: skip

__all__ = ["broker", "purge", "sweepers", "verify", "webhooks"]
