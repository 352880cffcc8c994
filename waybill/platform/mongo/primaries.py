"""Use a new primary only after a majority has confirmed it.

A new primary has all writes that the previous one acknowledged, but does not know yet which of them a
majority has. Until it has committed a write of its own term, reads with read concern "majority" can return an
older state than clients have already seen.

Source: Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm" (Raft), section 8.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from contextvars import Context, ContextVar
from typing import Any

import structlog
from bson import ObjectId
from pymongo.errors import PyMongoError
from pymongo.server_description import ServerDescription

from waybill.platform.errors import ServiceUnavailable
from waybill.platform.mongo.errors import map_driver_errors

log = structlog.get_logger(__name__)

_is_confirming: ContextVar[bool] = ContextVar("is_confirming", default=False)


async def confirm_majority(files: Any, owner: str = "") -> Any:
    """Wait until a majority has all writes that the primary has now.

    Args:
        files: the driver's collection of files.
        owner: the shard key, if the collection is sharded.

    Returns:
        The id of the primary's election; None from a router (`mongos`).

    Raises:
        ServiceUnavailable: no majority has them in time.
    """
    # A write that changes nothing still waits for all writes before it. No file has this id.
    nothing = {"_id": ObjectId(), "owner": owner}
    with map_driver_errors():
        done = await files.update_one(nothing, {"$set": {"deleted_at": None}})
    return done.raw_result.get("electionId")


class ConfirmedPrimaries:
    """The driver's server selector: it returns only servers whose election was confirmed.

    It costs nothing until another primary is elected. Then operations wait, within the driver's timeout for
    server selection, also those that the driver retries after a failover.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._files: Any = None
        self._confirmed: ObjectId | None = None
        self._confirming: asyncio.Task[None] | None = None

    def __call__(self, servers: Sequence[ServerDescription]) -> Sequence[ServerDescription]:
        """Select servers. The driver calls it in its own threads, and repeatedly while there are none."""
        if _is_confirming.get():
            return servers
        # Routers have no election id, and do not say which primary they use.
        confirmed = [server for server in servers if server.election_id in {None, self._confirmed}]
        if len(confirmed) < len(servers):
            # A client may outlive its event loop for a moment.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._begin)
        return confirmed

    async def confirm(self, files: Any) -> None:
        """Confirm the current primary, and remember the collection to confirm later ones.

        Raises:
            ServiceUnavailable: there is no primary that a majority follows.
        """
        self._files = files
        token = _is_confirming.set(True)
        try:
            self._confirmed = await confirm_majority(files)
        finally:
            _is_confirming.reset(token)

    def _begin(self) -> None:
        # Without the context of the operation, which contains its timeout.
        if self._files is not None and (self._confirming is None or self._confirming.done()):
            self._confirming = asyncio.create_task(self._confirm_next(), context=Context())

    async def _confirm_next(self) -> None:
        try:
            await self.confirm(self._files)
        except (ServiceUnavailable, PyMongoError) as error:
            # The next operation begins another attempt.
            log.warning("primary not confirmed", error=str(error))
        else:
            log.info("primary confirmed")
