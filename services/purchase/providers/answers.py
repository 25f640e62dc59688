"""What all adapters need: when an answer came, its ids and countries, where viewers go back to."""

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import structlog

from services.purchase.domain.purchases import Payment
from shared.identity.countries import country_of

log = structlog.get_logger()

# No provider asks for evidence before this, or gives more time.
DEADLINES_FROM = datetime(2000, 1, 1, tzinfo=UTC)
DEADLINE_DAYS_MAX = 400
_ID = re.compile(r"[\x21-\x7e]{1,128}")


def stamped(payment: Payment, asked_at: datetime) -> Payment:
    """
    Add when an answer was requested and received: another may have been applied meanwhile.

    No payment in it is later than that, even if the provider's clock is fast.
    """
    now = datetime.now(UTC)
    paid_at = min(payment.paid_at, now) if payment.paid_at is not None else None
    return replace(payment, paid_at=paid_at, asked_at=asked_at, answered_at=now)


def return_address(url: str, purchase: UUID) -> str:
    """Add the purchase to the return address: the page there looks it up."""
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, f"purchase={purchase}") if part)
    return urlunsplit(parts._replace(query=query))


def fingerprint_of(provider: str, instrument: str | None) -> str | None:
    """
    Return what tells a card or account from others, of what its provider calls it.

    It is a hash, so that events and other services never hold the provider's own name.
    """
    if not instrument:
        return None
    content = f"{provider}\n{instrument}".encode()
    return hashlib.blake2b(content, digest_size=16, person=b"payer").hexdigest()


def text_of(value: object) -> str | None:
    """Return an id that can be stored and sent, if it is one."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def country_in(value: object) -> str | None:
    """Return the country that an answer names; none if it is no code that ISO 3166-1 has."""
    return country_of(value) if isinstance(value, str) else None


def deadline_in(value: object) -> datetime | None:
    """
    Return until when something is due, as a provider writes it: in seconds, or by RFC 3339.

    What is no time, or too far away to be one, is no deadline. The answer is read all the same:
    money does not move because of a deadline, and a dispute must not be missed because of it.
    """
    if value is None or value == 0:
        return None
    due_at = _time_in(value)
    latest = datetime.now(UTC) + timedelta(days=DEADLINE_DAYS_MAX)
    if due_at is None or not DEADLINES_FROM <= due_at <= latest:
        log.warning("dispute.deadline_unreadable", deadline=repr(value)[:64])
        return None
    return due_at.astimezone(UTC)


def _time_in(value: object) -> datetime | None:
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            found = datetime.fromisoformat(value.upper())
            return found if found.tzinfo is not None else None
    except (ValueError, OverflowError, OSError):
        pass
    return None
