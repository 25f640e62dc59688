"""Up to when each provider's list of webhook events was read."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.purchase import columns as tables
from services.purchase.domain.backfills import Backfill
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

_backfill = RowMapper(Backfill, tables.Backfill)
# A provider that is installed again goes on where it ended; one that is not waits for that.
_ADD = text("""
    INSERT INTO backfills (provider, covered_until, next_check_at)
    SELECT provider, CAST(:since AS timestamptz), CAST(:now AS timestamptz)
    FROM unnest(CAST(:providers AS text[])) AS installed (provider)
    ON CONFLICT (provider) DO UPDATE SET next_check_at = excluded.next_check_at
    WHERE backfills.next_check_at IS NULL
""")
_LEAVE = text("""
    UPDATE backfills SET next_check_at = NULL
    WHERE next_check_at IS NOT NULL AND provider <> ALL(CAST(:providers AS text[]))
""")
_CLAIM = text(f"""
    UPDATE backfills
    SET next_check_at = CAST(:now AS timestamptz) + make_interval(secs => :seconds)
    WHERE next_check_at <= CAST(:now AS timestamptz)
    RETURNING {_backfill.columns}
""")  # noqa: S608 - our own text only


async def claim(
    tx: Transaction, providers: Sequence[str], *, now: datetime, every: timedelta, since: datetime
) -> list[Backfill]:
    """
    Take the backfills of these providers that are due, until their next turn.

    `since` is where a new provider's begins.
    """
    installed = {"providers": list(providers)}
    await tx.execute(_ADD, {**installed, "now": now, "since": since})
    await tx.execute(_LEAVE, installed)
    asked = {"now": now, "seconds": every.total_seconds()}
    return [_backfill(row) for row in await tx.execute(_CLAIM, asked)]


_COVER = text("""
    UPDATE backfills SET covered_until = greatest(covered_until, CAST(:until AS timestamptz))
    WHERE provider = :provider
""")


async def cover(tx: Transaction, provider: str, until: datetime) -> None:
    """Record that all events of a provider's list are stored, up to a time."""
    await tx.execute(_COVER, {"provider": provider, "until": until})
