"""
The frames of AMQP 0-9-1 that every message needs, read and written by hand.

A driver makes objects of each frame and each property, which costs more than all else that happens
to a message. Here a message stays what it is on the wire until a reader asks for a part of it. All
other frames are left to the driver.
https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf (section 4.2)
"""

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from pamqp import encode

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
# Class and method, as a payload begins with them.
PUBLISH, RETURN, DELIVER = (struct.pack(">HH", 60, method) for method in (40, 50, 60))
ACK, NACK = (struct.pack(">HH", 60, method) for method in (80, 120))

# Type, channel and length of a frame; its payload and one last octet follow.
HEAD = struct.Struct(">BHI")
END = b"\xce"
# A frame with nothing in it: a sign of life.
A_HEARTBEAT = HEAD.pack(HEARTBEAT, 0, 0) + END
# Below the smallest maximum a broker of ours negotiates (128 KiB), with room for the frame itself.
FRAME_BYTES_MAX = 65_536
SHORT_TEXT_BYTES_MAX = 255
# Names that are remembered as bytes: of exchanges, events, queues and headers.
NAMES_MAX = 1_000

# Gets a method, the properties and the body of a message, as they are on the wire.
Arrived: TypeAlias = Callable[[bytes, bytes, bytes], None]

_CLASS_OF_CONTENT = 60
_SIZE_OF_BODY = struct.Struct(">Q")
_PROPERTIES_START = 12
_PERSISTENT = b"\x02"
_MANDATORY = b"\x01"

# The properties in the order of their flags, from the highest bit down; how long each is.
_TEXT, _TABLE, _OCTET, _TIMESTAMP = "text", "table", "octet", "timestamp"
_PROPERTIES = (
    ("content_type", _TEXT),
    ("content_encoding", _TEXT),
    ("headers", _TABLE),
    ("delivery_mode", _OCTET),
    ("priority", _OCTET),
    ("correlation_id", _TEXT),
    ("reply_to", _TEXT),
    ("expiration", _TEXT),
    ("message_id", _TEXT),
    ("timestamp", _TIMESTAMP),
    ("type", _TEXT),
    ("user_id", _TEXT),
    ("app_id", _TEXT),
    ("cluster_id", _TEXT),
)
_LENGTHS = {_OCTET: 1, _TIMESTAMP: 8}
_FIRST_FLAG = 15
_FLAGS = {name: 1 << (_FIRST_FLAG - place) for place, (name, _) in enumerate(_PROPERTIES)}


class ContentReader:
    """Puts the messages of a channel together: a method, a header, a body in parts."""

    def __init__(self, method: bytes, arrived: Arrived) -> None:
        self._wanted = method
        self._arrived = arrived
        self._method = b""
        self._properties = b""
        self._parts: list[bytes] = []
        self._missing_bytes = 0

    def read(self, kind: int, payload: bytes) -> bool:
        """Take a frame; return whether it belongs to a message of the method we want."""
        if kind == METHOD:
            if payload[:4] != self._wanted:
                return False
            self._method = payload
            return True
        if not self._method:
            return False
        if kind == HEADER:
            (self._missing_bytes,) = _SIZE_OF_BODY.unpack_from(payload, 4)
            self._properties = payload[_PROPERTIES_START:]
        else:
            self._parts.append(payload)
            self._missing_bytes -= len(payload)
        if self._missing_bytes <= 0:
            method, self._method = self._method, b""
            body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts = []
            self._arrived(method, self._properties, body)
        return True


def tag_of(method: bytes) -> int:
    """Return the delivery tag of a message that was delivered."""
    start = 5 + method[4]
    return int.from_bytes(method[start : start + 8], "big")


def answer_of(method: bytes) -> tuple[int, bool]:
    """Return the tag that a confirmation is about, and whether it is about all before it too."""
    return int.from_bytes(method[4:12], "big"), bool(method[12] & 1)


def read_properties(raw: bytes) -> dict[str, bytes]:
    """Return the texts and the table of headers that a message has, undecoded."""
    found: dict[str, bytes] = {}
    at = 2
    for name, kind in _present(int.from_bytes(raw[:2], "big")):
        if kind is _TEXT:
            end = at + 1 + raw[at]
            found[name] = raw[at + 1 : end]
        elif kind is _TABLE:
            end = at + 4 + int.from_bytes(raw[at : at + 4], "big")
            found[name] = raw[at:end]
        else:
            end = at + _LENGTHS[kind]
        at = end
    return found


@lru_cache(NAMES_MAX)
def _present(flags: int) -> tuple[tuple[str, str], ...]:
    return tuple((name, kind) for name, kind in _PROPERTIES if flags & _FLAGS[name])


@dataclass(frozen=True, slots=True)
class Outgoing:
    """
    A message and where it goes; it is mandatory and persistent.

    No two in flight may have one id: what comes back is known by it. A text that is too long for
    a property is left out; it is still in the headers and the body.
    """

    message_id: str
    exchange: str
    routing_key: str
    type: str
    content_type: str
    correlation_id: str
    # The broker checks that it is the user who publishes.
    user_id: str
    app_id: str
    headers: Mapping[str, object]
    body: bytes


def write_message(message: Outgoing, channel: int) -> Iterable[bytes]:
    """Write the method, the header, and the body in as many frames as it needs."""
    body = message.body
    yield _publish(channel, message.exchange, message.routing_key)
    yield _frame(HEADER, channel, _content_header(message))
    for start in range(0, len(body), FRAME_BYTES_MAX):
        yield _frame(BODY, channel, body[start : start + FRAME_BYTES_MAX])


@lru_cache(NAMES_MAX)
def _publish(channel: int, exchange: str, routing_key: str) -> bytes:
    place = _short(exchange) + _short(routing_key)
    return _frame(METHOD, channel, PUBLISH + b"\0\0" + place + _MANDATORY)


def _content_header(message: Outgoing) -> bytes:
    flags = _FLAGS["headers"] | _FLAGS["delivery_mode"]
    written = {"headers": _table(message.headers), "delivery_mode": _PERSISTENT}
    for name in ("content_type", "correlation_id", "message_id", "type", "user_id", "app_id"):
        text = getattr(message, name).encode()
        if 0 < len(text) <= SHORT_TEXT_BYTES_MAX:
            flags |= _FLAGS[name]
            written[name] = bytes((len(text),)) + text
    parts = [struct.pack(">HHQH", _CLASS_OF_CONTENT, 0, len(message.body), flags)]
    parts += [written[name] for name, _ in _present(flags)]
    return b"".join(parts)


def _table(headers: Mapping[str, object]) -> bytes:
    """Write a table of texts; one with other values is left to the library."""
    parts: list[bytes] = []
    for name, value in headers.items():
        if not isinstance(value, str):
            return encode.field_table(dict(headers))  # type: ignore[arg-type]
        text = value.encode()
        parts += (_short(name), b"S", len(text).to_bytes(4, "big"), text)
    table = b"".join(parts)
    return len(table).to_bytes(4, "big") + table


@lru_cache(NAMES_MAX)
def _short(text: str) -> bytes:
    raw = text.encode()
    assert len(raw) <= SHORT_TEXT_BYTES_MAX, "too long for a name"
    return bytes((len(raw),)) + raw


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return HEAD.pack(kind, channel, len(payload)) + payload + END
