"""
Webhooks as they came: what is stored of one, and how it is written before it is encrypted.

Its provider and id are inside what is encrypted, so that a row cannot be taken for another.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


class ForeignWebhook(Exception):
    """What was decrypted is another webhook than its row says."""


@dataclass(frozen=True, slots=True)
class RawWebhook:
    """A webhook as it came: its body, and those of its headers that are needed to read it."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class ArchivedWebhook:
    """A webhook that its provider signed, encrypted with the key of this id."""

    provider: str
    webhook_id: str
    received_at: datetime
    key_id: str
    encrypted: bytes


@dataclass(frozen=True, slots=True)
class Replay:
    """A webhook whose turn it is to be read again; after the last turn it is given up."""

    webhook: ArchivedWebhook
    is_last: bool


def keep_headers(headers: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    return {name: headers[name] for name in names if name in headers}


def pack(provider: str, webhook_id: str, raw: RawWebhook) -> bytes:
    """Write a webhook as one text of bytes, compressed."""
    about = {"provider": provider, "webhook_id": webhook_id, "headers": dict(raw.headers)}
    return zlib.compress(json.dumps(about).encode() + b"\n" + raw.body)


def unpack(provider: str, webhook_id: str, packed: bytes) -> RawWebhook:
    """Read what `pack` wrote; raise `ForeignWebhook` if it was of another webhook."""
    written, _, body = zlib.decompress(packed).partition(b"\n")
    about = json.loads(written)
    if (about["provider"], about["webhook_id"]) != (provider, webhook_id):
        raise ForeignWebhook(f"{provider} {webhook_id}")
    return RawWebhook(about["headers"], body)
