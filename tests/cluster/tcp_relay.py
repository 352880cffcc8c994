"""A TCP relay whose target can be changed, and which can silence some of its connections."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from stack.ports import LOOPBACK
from tests.cluster.background_loop import BackgroundLoop

CHUNK_BYTES = 256 * 1024

#: Given the local ports of clients, returns those that are to be silenced.
Judge = Callable[[Collection[int]], set[int]]


@dataclass(eq=False)
class _Link:
    """One connection. Bytes pass while ``is_open`` is set."""

    client_port: int
    target: int
    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    is_open: asyncio.Event = field(default_factory=asyncio.Event)

    def abort(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


class TcpRelay:
    """Accepts connections on a port of its own and passes them on to the port ``target``.

    A change of ``target`` concerns new connections. Those that exist stay, as they do when a proxy or a DNS
    name moves; ``disconnect`` ends them. A target that refuses a connection ends the client's at once.
    """

    def __init__(self, loop: BackgroundLoop, target: int) -> None:
        self.target = target
        self._loop = loop
        self._links: set[_Link] = set()
        self._judge: Judge | None = None
        self._server = loop.run(asyncio.start_server(self._accept, LOOPBACK, 0, limit=CHUNK_BYTES))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def silence(self, judge: Judge) -> None:
        """Pass nothing on for the clients that ``judge`` names, neither those connected nor new ones."""

        async def act() -> None:
            self._judge = judge
            silenced = judge([link.client_port for link in self._links])
            for link in self._links:
                if link.client_port in silenced:
                    link.is_open.clear()

        self._loop.run(act())

    def heal(self) -> None:
        """Pass everything on again, including what silenced clients sent meanwhile."""

        async def act() -> None:
            self._judge = None
            for link in self._links:
                link.is_open.set()

        self._loop.run(act())

    def disconnect(self) -> None:
        """End all connections with a reset."""

        async def act() -> None:
            for link in list(self._links):
                link.abort()

        self._loop.run(act())

    def close(self) -> None:
        """Stop listening and end all connections."""

        async def act() -> None:
            self._server.close()

        self._loop.run(act())
        self.disconnect()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = self.target
        try:
            far_reader, far_writer = await asyncio.open_connection(LOOPBACK, target, limit=CHUNK_BYTES)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer.get_extra_info("peername")[1], target, (writer, far_writer))
        if not (self._judge and self._judge([link.client_port])):
            link.is_open.set()
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(link, reader, far_writer))
                both.create_task(_pump(link, far_reader, writer))
        except* (OSError, RuntimeError):  # one side is gone, so the other one goes
            pass
        finally:
            self._links.discard(link)
            link.abort()


async def _pump(link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK_BYTES):
        await link.is_open.wait()
        writer.write(data)
        await writer.drain()
    await link.is_open.wait()
    # The databases' clients and servers never use half of a connection: the end of one is that of both.
    raise ConnectionResetError
