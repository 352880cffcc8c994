"""Script: forward TCP connections from one port to another port of this machine.

    python -I -S forward.py HOST PORT TARGET_PORT

It makes only the S3 port reachable from other machines. weed itself would bind its control port at the same
address, and the control port lets every client add keys.
"""

import asyncio
import os
import sys

CHUNK_BYTES = 256 * 1024


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the sender closes, then close only this direction, because the receiver may still send."""
    while data := await reader.read(CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


async def serve(host: str, port: int, target: int) -> None:
    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner = None
        try:
            inner_reader, inner = await asyncio.open_connection("127.0.0.1", target, limit=CHUNK_BYTES)
            async with asyncio.TaskGroup() as both:
                both.create_task(pump(reader, inner))
                both.create_task(pump(inner_reader, writer))
        except* OSError:  # one side has closed, so both are closed
            pass
        finally:
            for each in filter(None, [inner, writer]):
                each.close()

    server = await asyncio.start_server(forward, host, port, limit=CHUNK_BYTES)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    except OSError as error:
        # asyncio changes the message, and the supervisor searches for the system's message.
        reason = os.strerror(error.errno) if error.errno else error
        raise SystemExit(f"cannot listen on {sys.argv[1]}:{sys.argv[2]}: {reason}") from None
