"""Payees whose names are looked for in lists of sanctions, and what was found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.payout import columns as tables
from services.payout.domain.payees import ScreeningState
from services.payout.domain.screenings import ScreeningResult
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class Screened:
    """A payee who is screened, by the name that was given for this revision."""

    creator: str
    currency: str
    revision: int
    country: str | None
    legal_name: str | None


@dataclass(frozen=True, slots=True)
class PayeeMatch:
    """An entry that a payee may be; one that was cleared is another person."""

    entry: str
    listed_name: str
    list_version: str
    found_at: datetime
    cleared_at: datetime | None
    cleared_by: str | None


@dataclass(frozen=True, slots=True)
class MatchedPayee:
    """A payee with a match, since when."""

    creator: str
    currency: str
    revision: int
    screened_at: datetime


_screened = RowMapper(Screened)
_match = RowMapper(PayeeMatch, tables.PayeeMatch)
_matched = RowMapper(MatchedPayee, tables.Payee)


async def due(tx: Transaction, version: str, limit: int) -> Sequence[Screened]:
    """Return payees who were not screened with this list."""
    rows = await tx.execute(_DUE, {"version": version, "limit": limit})
    return [_screened(row) for row in rows]


# Both ranges are read from the index, each only as far as the limit.
_DUE_PART = """
    (SELECT creator, currency, revision, country FROM payees
     WHERE list_version {compared} :version
     ORDER BY list_version LIMIT :limit)
"""
_DUE = text(f"""
    SELECT due.*, legal_name
    FROM (
        {_DUE_PART.format(compared="<")} UNION ALL {_DUE_PART.format(compared=">")}
        LIMIT :limit
    ) AS due
    LEFT JOIN payee_contacts
        ON payee_contacts.creator = due.creator AND payee_contacts.revision = due.revision
""")  # noqa: S608 - our own text only


async def lock_revision(tx: Transaction, payee: Screened) -> bool:
    """Lock a payee; False if it was replaced since."""
    values = {"creator": payee.creator, "currency": payee.currency, "revision": payee.revision}
    return bool(await tx.execute(_LOCK, values))


_LOCK = text("""
    SELECT revision FROM payees
    WHERE creator = :creator AND currency = :currency AND revision = :revision FOR UPDATE
""")


async def save_matches(tx: Transaction, payee: Screened, result: ScreeningResult) -> None:
    """Write the entries that were found now; one that was cleared stays cleared."""
    if result.matches:
        values = {
            "creator": payee.creator,
            "revision": payee.revision,
            "version": result.list_version,
            **arrays(result.matches, "entry", listed_name="name"),
        }
        await tx.execute(_SAVE_MATCHES, values)


_SAVE_MATCHES = text("""
    INSERT INTO payee_matches (creator, revision, entry, listed_name, list_version)
    SELECT :creator, CAST(:revision AS bigint), entry, listed_name, :version
    FROM unnest(CAST(:entry AS text[]), CAST(:listed_name AS text[])) AS found (entry, listed_name)
    ORDER BY entry
    ON CONFLICT (creator, revision, entry) DO UPDATE
    SET listed_name = excluded.listed_name, list_version = excluded.list_version
""")


async def matches(tx: Transaction, creator: str, revision: int) -> Sequence[PayeeMatch]:
    """Return all that was ever found for a payee of this revision."""
    rows = await tx.execute(_MATCHES, {"creator": creator, "revision": revision})
    return [_match(row) for row in rows]


_MATCHES = text(f"""
    SELECT {_match.columns} FROM payee_matches
    WHERE creator = :creator AND revision = :revision ORDER BY entry
""")  # noqa: S608 - our own text only


async def save_state(
    tx: Transaction, creator: str, currency: str, state: ScreeningState, version: str
) -> None:
    """Write what a list says of a payee, now."""
    values = {"creator": creator, "currency": currency, "state": state.value, "version": version}
    await tx.execute(_SAVE_STATE, values)


_SAVE_STATE = text("""
    UPDATE payees SET screening = :state, list_version = :version, screened_at = clock.now
    FROM (SELECT clock_timestamp() AS now) AS clock
    WHERE creator = :creator AND currency = :currency
""")


async def clear(tx: Transaction, creator: str, currency: str, operator: str) -> list[str]:
    """Clear the open matches of a payee, who is locked; return their entries."""
    values = {"creator": creator, "currency": currency, "operator": operator}
    cleared = [row.entry for row in await tx.execute(_CLEAR, values)]
    if cleared:
        await tx.execute(_SET_CLEAR, values)
    return cleared


_CLEAR = text("""
    UPDATE payee_matches SET cleared_at = clock.now, cleared_by = :operator
    FROM payees, (SELECT clock_timestamp() AS now) AS clock
    WHERE payees.creator = :creator AND payees.currency = :currency AND screening = 'match'
      AND payee_matches.creator = payees.creator AND payee_matches.revision = payees.revision
      AND cleared_at IS NULL
    RETURNING entry
""")
_SET_CLEAR = text("""
    UPDATE payees SET screening = 'clear' WHERE creator = :creator AND currency = :currency
""")


async def under_review(tx: Transaction, limit: int) -> Sequence[MatchedPayee]:
    """Return payees whom a person has to clear, the oldest first."""
    return [_matched(row) for row in await tx.execute(_UNDER_REVIEW, {"limit": limit})]


_UNDER_REVIEW = text(f"""
    SELECT {_matched.columns} FROM payees
    WHERE screening = 'match' ORDER BY screened_at LIMIT :limit
""")  # noqa: S608 - our own text only
