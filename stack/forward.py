"""Run as a script: pass the TCP connections of one port on to another port of this machine.

    python -I -S forward.py HOST PORT TARGET_PORT

For the one server that others may reach. weed itself would bind its control port on the same address as the
S3 port, and there anybody may add keys.
"""

import asyncio
import os
import sys

CHUNK = 256 * 1024  # bytes


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the sender has no more, then say so to the receiver, who may still answer."""
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


async def serve(host: str, port: int, target: int) -> None:
    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner = None
        try:
            inner_reader, inner = await asyncio.open_connection("127.0.0.1", target, limit=CHUNK)
            async with asyncio.TaskGroup() as both:
                both.create_task(pump(reader, inner))
                both.create_task(pump(inner_reader, writer))
        except* OSError:  # one side is gone, so the other one goes
            pass
        finally:
            for each in filter(None, [inner, writer]):
                each.close()

    server = await asyncio.start_server(forward, host, port, limit=CHUNK)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    except OSError as error:
        # asyncio words the reason anew; the supervisor looks for the system's words.
        reason = os.strerror(error.errno) if error.errno else error
        raise SystemExit(f"cannot listen on {sys.argv[1]}:{sys.argv[2]}: {reason}") from None
