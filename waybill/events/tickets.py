"""Tickets for the stream of events, because EventSource in browsers sends no Authorization header.

A token must not be in a URL. A ticket is valid once and for half a minute, so a URL in the log of a proxy is
useless.
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
    """A ticket, and when it expires."""

    ticket: str
    expires_at: datetime


class EventTickets:
    """Issues and redeems tickets. They are stored in Redis, for all API processes."""

    def __init__(self, redis: BoundedRedis) -> None:
        self._redis = redis

    async def issue(self, principal: Principal) -> EventTicket:
        """Return a ticket that lets the caller open one stream.

        Raises:
            ServiceUnavailable: Redis is unavailable.
        """
        ticket = secrets.token_urlsafe(32)
        until = None if math.isinf(principal.until) else principal.until
        holder = json.dumps({"owner": principal.owner, "until": until})
        expires_at = datetime.now(UTC) + timedelta(seconds=LIFETIME_SECONDS)
        await self._redis.ask(lambda client: client.set(_key(ticket), holder, ex=LIFETIME_SECONDS))
        return EventTicket(ticket, expires_at)

    async def redeem(self, ticket: str) -> Principal:
        """Return the caller that the ticket was issued to, and invalidate the ticket.

        Raises:
            Unauthenticated: it is used, expired or unknown.
            ServiceUnavailable: Redis is unavailable.
        """
        holder: Any = None
        if len(ticket) <= MAX_TICKET_CHARACTERS:
            # One command, so that of two parallel requests only one succeeds.
            holder = await self._redis.ask(lambda client: client.getdel(_key(ticket)))
        if holder is None:
            raise Unauthenticated(
                "The ticket is used, expired or unknown. Request a new one for each stream."
            )
        known = json.loads(holder)
        return Principal(known["owner"], until=math.inf if known["until"] is None else known["until"])


def _key(ticket: str) -> str:
    # Stored as a hash, so that a reader of Redis cannot use the ticket.
    return f"waybill:event-ticket:{hashlib.sha256(ticket.encode(errors='surrogatepass')).hexdigest()}"
