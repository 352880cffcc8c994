"""As much of MongoDB's wire protocol as it takes to set up a replica set: OP_MSG and a dozen BSON types."""

import socket
import struct
from types import TracebackType
from typing import Any, Self

Document = dict[str, Any]

OP_MSG = 2013
HEADER = struct.Struct("<iiii")  # length, request id, response to, opcode


class WireError(Exception):
    """The connection broke, or the answer is not one that this file can read."""


class CommandError(Exception):
    """The server refused a command. `code` is MongoDB's number of the error."""

    def __init__(self, reply: Document) -> None:
        self.code = int(reply.get("code", 0))
        super().__init__(f"{reply.get('codeName', 'error')}: {reply.get('errmsg', reply)}")


class Connection:
    """One connection to a mongod on this machine. Raises OSError where it is silent for `timeout` seconds."""

    def __init__(self, port: int, timeout: float = 5.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def command(self, command: Document, database: str = "admin") -> Document:
        """The answer to a command. Raises CommandError where it is refused."""
        body = bytes(5) + encode(command | {"$db": database})  # flags 0, then one section of kind 0
        self._socket.sendall(HEADER.pack(HEADER.size + len(body), 1, 0, OP_MSG) + body)
        length, _, _, opcode = HEADER.unpack(self._receive(HEADER.size))
        answer = self._receive(length - HEADER.size)
        if opcode != OP_MSG or answer[4] != 0:
            raise WireError(f"the server answered with opcode {opcode}, not with OP_MSG and a document")
        reply = decode(answer[5:])
        if reply.get("ok") != 1:
            raise CommandError(reply)
        return reply

    def _receive(self, size: int) -> bytes:
        received = b""
        while len(received) < size:
            part = self._socket.recv(size - len(received))
            if not part:
                raise WireError("the server closed the connection")
            received += part
        return received


def encode(document: Document) -> bytes:
    """BSON of a document made of str, bool, int, float, dict and list. Raises WireError for another type."""
    body = b"".join(_encode_element(name, value) for name, value in document.items())
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def _encode_element(name: str, value: object) -> bytes:
    key = name.encode() + b"\0"
    match value:
        case bool():  # before int: a bool is an int to Python
            return b"\x08" + key + bytes([value])
        case int():
            small = -(2**31) <= value < 2**31
            return (b"\x10" if small else b"\x12") + key + struct.pack("<i" if small else "<q", value)
        case float():
            return b"\x01" + key + struct.pack("<d", value)
        case str():
            text = value.encode() + b"\0"
            return b"\x02" + key + struct.pack("<i", len(text)) + text
        case dict():
            return b"\x03" + key + encode(value)
        case list():
            return b"\x04" + key + encode({str(index): item for index, item in enumerate(value)})
    raise WireError(f"cannot encode {type(value).__name__}")


def decode(data: bytes) -> Document:
    """The document in `data`. Object ids and binaries become bytes; dates and timestamps plain numbers."""
    document: Document = _decode_document(data, 0, as_list=False)[0]
    return document


def _decode_document(data: bytes, at: int, *, as_list: bool) -> tuple[Any, int]:
    end = at + int(struct.unpack_from("<i", data, at)[0])
    at += 4
    found: Document = {}
    while data[at] != 0:
        kind = data[at]
        name_end = data.index(b"\0", at + 1)
        name = data[at + 1 : name_end].decode()
        found[name], at = _decode_value(kind, data, name_end + 1)
    return (list(found.values()) if as_list else found), end


FIXED = {0x01: "<d", 0x08: "<?", 0x09: "<q", 0x10: "<i", 0x11: "<Q", 0x12: "<q"}


def _decode_value(kind: int, data: bytes, at: int) -> tuple[Any, int]:
    if kind in FIXED:
        return struct.unpack_from(FIXED[kind], data, at)[0], at + struct.calcsize(FIXED[kind])
    match kind:
        case 0x02:
            end = at + 4 + int(struct.unpack_from("<i", data, at)[0])
            return data[at + 4 : end - 1].decode(), end
        case 0x03 | 0x04:
            return _decode_document(data, at, as_list=kind == 0x04)
        case 0x05:
            end = at + 5 + int(struct.unpack_from("<i", data, at)[0])
            return data[at + 5 : end], end
        case 0x07:
            return data[at : at + 12], at + 12
        case 0x0A:
            return None, at
    raise WireError(f"cannot decode a BSON value of type 0x{kind:02x}")
