"""
Tolerant decoders: bytes that the driver cannot decode must not end the connection.

Names and short texts on the wire are bytes; the driver takes them for UTF-8 and ends the
connection over one that is not. The broker then delivers the same message again, to the same end,
and counts every delivery that was under way as failed: one such message would take all its
neighbours to the dead letters. So bytes that are no text are read as text with replacements, and
headers that cannot be read as empty.
"""

import struct
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from pamqp import decode

_EPOCH = datetime.fromtimestamp(0, UTC)
_LENGTH_BYTES = 4
_TIMESTAMP_BYTES = 8


def install_tolerant_decoders() -> None:
    """Teach the driver to read properties that are no text; doing so again changes nothing."""
    if decode.METHODS["shortstr"] is _short_text:
        return
    decode.METHODS["shortstr"] = _short_text
    table = _or(decode.field_table, _empty_table)
    timestamp = _or(decode.timestamp, lambda _: (_TIMESTAMP_BYTES, _EPOCH))
    decode.METHODS["table"] = table
    decode.METHODS["timestamp"] = timestamp
    decode.TABLE_MAPPING[b"F"] = table
    decode.TABLE_MAPPING[b"T"] = timestamp


def _short_text(value: bytes) -> tuple[int, str]:
    length = value[0]
    return length + 1, value[1 : length + 1].decode("utf-8", "replace")


def _empty_table(value: bytes) -> tuple[int, dict[str, Any]]:
    (length,) = struct.unpack_from(">I", value)
    return _LENGTH_BYTES + length, {}


def _or(
    decoder: Callable[[bytes], tuple[int, Any]], instead: Callable[[bytes], tuple[int, Any]]
) -> Callable[[bytes], tuple[int, Any]]:
    """Decode, or return a substitute of the same length."""

    @wraps(decoder)
    def decode_or(value: bytes) -> tuple[int, Any]:
        try:
            return decoder(value)
        except (ValueError, KeyError, OverflowError, OSError, RecursionError):
            return instead(value)

    return decode_or
