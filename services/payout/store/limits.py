"""What creators asked for lately, as it counts for the limits."""

from datetime import datetime

from services.payout.domain.limits import PayoutUsage
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

# Open payouts, as their partial index has them.
IS_OPEN = "payouts.state IN ('requested', 'held', 'approved', 'sent')"
usage_of = RowMapper(PayoutUsage)
# A payout that a person rejected was not the creator's to repeat, so it is no request of the day.
USAGE = f"""
    SELECT coalesce(sum(value_minor) FILTER (WHERE counts AND is_today), 0)::bigint AS today_minor,
           coalesce(sum(value_minor) FILTER (WHERE counts), 0)::bigint AS in_7_days_minor,
           count(*) FILTER (WHERE is_today AND state <> 'rejected') AS requests_today,
           min(requested_at) FILTER (WHERE counts) AS oldest_at,
           (SELECT id FROM payouts WHERE creator = :creator AND {IS_OPEN}) AS open_payout
    FROM (
        SELECT value_minor - div(value_minor::numeric * returned_minor, amount_minor)
                   AS value_minor,
               state, requested_at,
               state NOT IN ('failed', 'returned', 'rejected') AS counts,
               requested_at >= date_trunc(
                   'day', CAST(:at AS timestamptz), CAST(:zone AS text)
               ) AS is_today
        FROM payouts
        WHERE creator = :creator
          AND requested_at > CAST(:at AS timestamptz) - interval '7 days'
    ) AS lately
"""  # noqa: S608 - our own text only


async def read_usage(tx: Transaction, creator: str, *, at: datetime, zone: str) -> PayoutUsage:
    """Return what a creator used of each limit at a time; days end in a time zone."""
    row = (await tx.execute(_READ, {"creator": creator, "at": at, "zone": zone})).one()
    return usage_of(row)


_READ = text(USAGE)
