"""What creators are owed as of a moment, whose diamonds lie still, and what falls due when."""

from datetime import UTC, date, datetime, time, timedelta

from services.payout.domain.finance import Dormant, DueDiamonds, PayableLine
from shared.ledger.recall import ARCHIVED, archived_between
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

# By how much a clock was ever set back.
CLOCK_SET_BACK_MAX = timedelta(days=3)
# Entries that no person caused.
_BY_ITSELF = "('mature', 'revalue')"
# Where a creator lives: as their newest payee says it, or else the token of their newest payout.
COUNTRY = """
    LATERAL (
        SELECT coalesce((
            SELECT payees.country FROM payees
            WHERE payees.creator = {creator} AND payees.country IS NOT NULL
            ORDER BY changed_at DESC LIMIT 1
        ), (
            SELECT payouts.country FROM payouts
            WHERE payouts.creator = {creator} AND payouts.country IS NOT NULL
            ORDER BY requested_at DESC LIMIT 1
        )) AS country
    ) AS home
"""
_payable = RowMapper(PayableLine)
_dormant = RowMapper(Dormant)
_due = RowMapper(DueDiamonds)


async def closed_until(tx: Transaction, moment: date) -> date:
    """Return up to which month every creator's statements are closed, `moment` at most."""
    until: date = (await tx.execute(_CLOSED_UNTIL, {"moment": moment})).scalar_one()
    return until


_CLOSED_UNTIL = text("""
    SELECT least(CAST(:moment AS date), coalesce((
        SELECT closed_until FROM creators ORDER BY closed_until LIMIT 1
    ), CAST(:moment AS date)))
""")


async def payable(
    tx: Transaction, *, month: date, until: datetime, country: str | None
) -> list[PayableLine]:
    """
    Return what creators have and are owed as of a moment, by country and asset.

    Months before `month` are closed for everybody and summed up already: only the entries after
    them are read, up to `until`, wherever they are.
    """
    values: dict[str, object] = {"month": month, "until": until}
    changes: dict[tuple[str, str], int] = {}
    since = datetime.combine(month, time.min, UTC) - CLOCK_SET_BACK_MAX
    async for archived in archived_between(tx, since, until):
        for row in await tx.execute(_ARCHIVED_CHANGES, {**values, "archived": archived}):
            of_creator = changes.get((row.creator, row.asset), 0)
            changes[row.creator, row.asset] = of_creator + row.amount
    values |= {
        "country": country,
        "creators": [creator for creator, _ in changes],
        "assets": [asset for _, asset in changes],
        "amounts": [*changes.values()],
    }
    return [_payable(row) for row in await tx.execute(_PAYABLE, values)]


_CLOSED = """
    closed AS (
        SELECT creator, max(last_entry) AS last_entry FROM statements
        WHERE month < CAST(:month AS date) GROUP BY creator
    )
"""
_CHANGES = """
    SELECT user_id AS creator, coalesce(leg.asset, entries.asset) AS asset, sum(
               CASE WHEN leg.account = '@creator_payable' THEN -leg.amount ELSE leg.amount END
           )::bigint AS amount
    FROM {entries}
    LEFT JOIN closed ON closed.creator = user_id
    CROSS JOIN unnest(string_to_array(accounts, ','), amounts, assets)
        AS leg (account, amount, asset)
    -- A clock may have been set back by a little: the number decides, the time finds it.
    WHERE recorded_at >= CAST(:month AS timestamp) AT TIME ZONE 'UTC' - interval '3 days'
      AND recorded_at < CAST(:until AS timestamptz)
      AND number > coalesce(last_entry, 0)
      AND (leg.account = '@creator_payable' OR leg.account NOT LIKE '@%')
    GROUP BY 1, 2
"""
_ARCHIVED_CHANGES = text(f"""
    WITH {_CLOSED} {_CHANGES.format(entries=f"{ARCHIVED} AS entries")}
""")
_PAYABLE = text(f"""
    WITH {_CLOSED}, changes AS (
        SELECT creator, asset, sum(amount) AS amount FROM statement_lines
        WHERE month < CAST(:month AS date) GROUP BY creator, asset
        UNION ALL
        {_CHANGES.format(entries="entries")}
        UNION ALL
        SELECT * FROM unnest(
            CAST(:creators AS text[]), CAST(:assets AS text[]), CAST(:amounts AS bigint[])
        )
    ), balances AS (
        SELECT creator, asset, sum(amount)::bigint AS amount FROM changes
        GROUP BY creator, asset HAVING sum(amount) <> 0
    )
    SELECT home.country, asset, count(*) AS creators, sum(amount)::bigint AS amount
    FROM balances, {COUNTRY.format(creator="balances.creator")}
    WHERE CAST(:country AS text) IS NULL OR home.country = CAST(:country AS text)
    GROUP BY home.country, asset ORDER BY home.country NULLS LAST, asset
""")  # noqa: S608 - our own text only


async def dormant(
    tx: Transaction, *, before: datetime, after: str, limit: int
) -> tuple[list[Dormant], str | None]:
    """
    Look at the next creators who have diamonds; return those whom nothing moved since `before`.

    The second value is the last creator who was looked at, None once all were.
    """
    values = {"before": before, "after": after, "limit": limit}
    rows = await tx.execute(_DORMANT, values)
    last = rows[-1].creator if len(rows) == limit else None
    return [_dormant(row) for row in rows if row.is_dormant], last


_DORMANT = text(f"""
    SELECT c.creator, home.country, held.diamonds, c.currency,
           (held.free * c.value_minor_per_1000 / 1000 + open.minor)::bigint AS owed_minor,
           newest.recorded_at AS newest_at,
           newest.recorded_at < CAST(:before AS timestamptz) AND held.diamonds > 0 AS is_dormant
    FROM (
        SELECT * FROM creators WHERE creator > :after ORDER BY creator LIMIT :limit
    ) AS c, LATERAL (
        SELECT coalesce(sum(balance), 0)::bigint AS diamonds,
               coalesce(sum(balance) FILTER (WHERE kind <> 'held'), 0)::bigint AS free
        FROM accounts WHERE user_id = c.creator AND asset = 'diamonds'
    ) AS held, LATERAL (
        SELECT coalesce(sum(amount_minor + fee_minor), 0) AS minor FROM payouts
        WHERE creator = c.creator AND state IN ('requested', 'held', 'approved', 'sent')
          AND payouts.currency = c.currency
    ) AS open, LATERAL (
        SELECT max(recorded_at) AS recorded_at FROM (
            (
                SELECT recorded_at FROM entries
                WHERE user_id = c.creator AND kind NOT IN {_BY_ITSELF}
                ORDER BY number DESC LIMIT 1
            )
            UNION ALL
            SELECT max(last_at) FROM opening_balances
            WHERE user_id = c.creator AND kind NOT IN {_BY_ITSELF}
        ) AS last
    ) AS newest, {COUNTRY.format(creator="c.creator")}
    ORDER BY c.creator
""")  # noqa: S608 - our own text only


async def due(tx: Transaction, *, now: datetime, until: datetime, zone: str) -> list[DueDiamonds]:
    """Return the diamonds that are available now, and those that mature up to `until`, by day."""
    rows = await tx.execute(_DUE, {"now": now, "until": until, "zone": zone})
    return [_due(row) for row in rows]


_DUE = text("""
    SELECT (greatest(due_at, CAST(:now AS timestamptz)) AT TIME ZONE :zone)::date AS day,
           coalesce(payout_schedules.kind, 'none') AS schedule, creators.currency,
           value_minor_per_1000, count(DISTINCT creator) AS creators,
           sum(diamonds)::bigint AS diamonds
    FROM (
        SELECT user_id AS creator, balance AS diamonds, CAST(:now AS timestamptz) AS due_at
        FROM accounts WHERE kind = 'main' AND asset = 'diamonds' AND balance > 0
        UNION ALL
        SELECT e.creator, diamonds - reversed_diamonds - coalesce((
            SELECT r.diamonds FROM restorations AS r
            WHERE r.creator = e.creator AND r.gift = e.gift AND r.slice = e.slice
        ), 0), greatest(matures_at, (SELECT w.until FROM fraud_warnings AS w WHERE w.lot = e.lot))
        FROM earnings AS e WHERE NOT matured AND matures_at < CAST(:until AS timestamptz)
        UNION ALL
        SELECT r.creator, pending, greatest(r.matures_at, (
            SELECT w.until FROM fraud_warnings AS w JOIN earnings AS e USING (lot)
            WHERE e.creator = r.creator AND e.gift = r.gift AND e.slice = r.slice
        ))
        FROM restorations AS r WHERE pending > 0 AND matures_at < CAST(:until AS timestamptz)
        UNION ALL
        SELECT creator, diamonds, matures_at FROM bonuses
        WHERE state = 'granted' AND NOT matured AND matures_at < CAST(:until AS timestamptz)
    ) AS waiting JOIN creators USING (creator) LEFT JOIN payout_schedules USING (creator)
    WHERE diamonds > 0 AND due_at < CAST(:until AS timestamptz)
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
""")
