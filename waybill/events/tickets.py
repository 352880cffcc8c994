"""Tickets for the stream of events, because a browser's own EventSource sends no Authorization header.

A token has no place in a URL. A ticket is good once and for half a minute, so a URL that a proxy has logged
is worth nothing.
"""

import hashlib
import json
import math
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from waybill.platform.errors import Unauthenticated
from waybill.platform.principal import Principal
from waybill.platform.redis.client import BoundedRedis

LIFETIME_SECONDS = 30
MAX_TICKET_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class EventTicket:
    """A ticket, and when it is no longer good."""

    ticket: str
    expires_at: datetime


class EventTickets:
    """Issues and redeems tickets, in Redis for all API processes together."""

    def __init__(self, redis: BoundedRedis) -> None:
        self._redis = redis

    async def issue(self, principal: Principal) -> EventTicket:
        """Return a ticket with which that caller may open one stream.

        Raises:
            ServiceUnavailable: Redis is unavailable.
        """
        ticket = secrets.token_urlsafe(32)
        until = None if math.isinf(principal.until) else principal.until
        kept = json.dumps({"owner": principal.owner, "until": until})
        expires_at = datetime.now(UTC) + timedelta(seconds=LIFETIME_SECONDS)
        await self._redis.ask(lambda client: client.set(_key(ticket), kept, ex=LIFETIME_SECONDS))
        return EventTicket(ticket, expires_at)

    async def redeem(self, ticket: str) -> Principal:
        """Return who the ticket was issued to, once.

        Raises:
            Unauthenticated: it is used, expired or unknown.
            ServiceUnavailable: Redis is unavailable.
        """
        kept: Any = None
        if len(ticket) <= MAX_TICKET_CHARACTERS:
            # One command: of two processes at once, one gets it.
            kept = await self._redis.ask(lambda client: client.getdel(_key(ticket)))
        if kept is None:
            raise Unauthenticated("The ticket is used, expired or unknown. Request one for each stream.")
        known = json.loads(kept)
        return Principal(known["owner"], until=math.inf if known["until"] is None else known["until"])


def _key(ticket: str) -> str:
    # By its hash, because who can read Redis must not be able to use it.
    return f"waybill:event-ticket:{hashlib.sha256(ticket.encode(errors='surrogatepass')).hexdigest()}"
