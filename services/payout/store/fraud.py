"""What the fraud rules look at, read with a few bounded statements, and what they found."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.payout import columns as tables
from services.payout.domain.fraud_rules import Finding, GiftEdge, GivenSlice
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows
from shared.postgres.statements import text

# Of each giver's own income the newest slices are read.
EDGE_SLICES_MAX = 200
OWN_CARDS_MAX = 100


@dataclass(frozen=True, slots=True)
class Funding:
    """What a lot of coins was paid with."""

    viewer: str
    lot: UUID
    purchase: UUID
    paid_at: datetime
    fingerprint: str | None


_slice = RowMapper(GivenSlice)
_edge = RowMapper(GiftEdge)
_finding = RowMapper(Finding, tables.FraudFinding)


async def add_fundings(tx: Transaction, fundings: Sequence[Funding]) -> None:
    """Remember what lots were paid with, each once, and when their viewers first paid."""
    rows = sorted(fundings, key=lambda each: (each.viewer, each.lot))
    if not rows:
        return
    await tx.execute(_ADD_FUNDINGS, arrays(rows, *Funding.__slots__))
    first: dict[str, datetime] = {}
    for each in rows:
        first[each.viewer] = min(first.get(each.viewer, each.paid_at), each.paid_at)
    await tx.execute(_ADD_PAYERS, {"viewer": list(first), "first_paid_at": list(first.values())})


_ADD_FUNDINGS = insert_rows(
    tables.Funding, *Funding.__slots__, then="ON CONFLICT (viewer, lot) DO NOTHING"
)
_ADD_PAYERS = insert_rows(
    tables.Payer,
    *("viewer", "first_paid_at"),
    then="""ON CONFLICT (viewer) DO UPDATE
    SET first_paid_at = least(payers.first_paid_at, excluded.first_paid_at)""",
)


async def newest_slices(
    tx: Transaction, creator: str, *, since: datetime, slices_max: int
) -> list[GivenSlice]:
    """Return what a creator's newest gifts brought, lot by lot."""
    values = {"creator": creator, "since": since, "slices_max": slices_max}
    return [_slice(row) for row in await tx.execute(_SLICES, values)]


# A scalar subquery keeps each look-up a look-up by key, on any statistics.
_SLICES = text("""
    SELECT viewer, lot, diamonds, reversed_diamonds, occurred_at, coalesce(
               (SELECT true FROM fraud_warnings WHERE fraud_warnings.lot = newest.lot), false
           ) AS flagged
    FROM (
        SELECT viewer, lot, diamonds, reversed_diamonds, occurred_at FROM earnings
        WHERE creator = :creator ORDER BY decision DESC LIMIT :slices_max
    ) AS newest
    WHERE occurred_at >= CAST(:since AS timestamptz)
""")


async def cards_of(
    tx: Transaction, lots: Collection[tuple[str, UUID]]
) -> dict[tuple[str, UUID], str | None]:
    """Return which cards paid for lots of viewers, as far as it is known."""
    ordered = sorted(lots)
    values = {"viewers": [viewer for viewer, _ in ordered], "lots": [lot for _, lot in ordered]}
    rows = await tx.execute(_CARDS, values)
    return {(row.viewer, row.lot): row.fingerprint for row in rows}


# OFFSET 0 keeps each look-up a look-up by key, on any statistics.
_CARDS = text("""
    SELECT asked.viewer, asked.lot, known.fingerprint
    FROM unnest(CAST(:viewers AS text[]), CAST(:lots AS uuid[])) AS asked (viewer, lot)
    CROSS JOIN LATERAL (
        SELECT fingerprint FROM fundings
        WHERE fundings.viewer = asked.viewer AND fundings.lot = asked.lot OFFSET 0
    ) AS known
""")


async def first_payments_of(tx: Transaction, viewers: Collection[str]) -> dict[str, datetime]:
    """Return when viewers first paid, as far as it is known."""
    rows = await tx.execute(_FIRST_PAYMENTS, {"viewers": sorted(viewers)})
    return {row.viewer: row.first_paid_at for row in rows}


_FIRST_PAYMENTS = text("""
    SELECT viewer, first_paid_at FROM payers WHERE viewer = ANY(CAST(:viewers AS text[]))
""")


async def own_fingerprints(tx: Transaction, creator: str) -> frozenset[str]:
    """Return which cards a creator paid with."""
    rows = await tx.execute(_OWN, {"creator": creator, "limit": OWN_CARDS_MAX})
    return frozenset(row.fingerprint for row in rows)


_OWN = text("""
    SELECT DISTINCT fingerprint FROM fundings
    WHERE viewer = :creator AND fingerprint IS NOT NULL ORDER BY fingerprint LIMIT :limit
""")


async def edges_to(tx: Transaction, creators: Collection[str]) -> list[GiftEdge]:
    """Return who gave creators their newest gifts, and how much."""
    values = {"creators": sorted(creators), "slices_max": EDGE_SLICES_MAX}
    return [_edge(row) for row in await tx.execute(_EDGES, values)]


_EDGES = text("""
    SELECT gifts.viewer, asked.creator, sum(gifts.diamonds)::bigint AS diamonds
    FROM unnest(CAST(:creators AS text[])) AS asked (creator)
    CROSS JOIN LATERAL (
        SELECT viewer, diamonds FROM earnings WHERE earnings.creator = asked.creator
        ORDER BY decision DESC LIMIT :slices_max
    ) AS gifts
    GROUP BY gifts.viewer, asked.creator
""")


async def add_findings(
    tx: Transaction, creator: str, payout: UUID, findings: Sequence[Finding]
) -> None:
    """Keep what was found about a payout; the creator is locked."""
    for each in findings:
        values = {name: getattr(each, name) for name in Finding.__slots__}
        values["named"] = list(each.named)
        await tx.execute(_ADD_FINDING, {**values, "creator": creator, "payout": payout})


_COLUMNS = ("creator", "payout", *Finding.__slots__)
_ADD_FINDING = text(f"""
    INSERT INTO fraud_findings ({", ".join(_COLUMNS)})
    VALUES ({", ".join(f":{each}" for each in _COLUMNS)})
""")  # noqa: S608 - our own text only


async def findings_of(tx: Transaction, creator: str, payout: UUID) -> list[Finding]:
    rows = await tx.execute(_FINDINGS, {"creator": creator, "payout": payout})
    return [_finding(row) for row in rows]


_FINDINGS = text(f"""
    SELECT {_finding.columns} FROM fraud_findings
    WHERE creator = :creator AND payout = :payout ORDER BY rule
""")  # noqa: S608 - our own text only
