"""What the fraud rules look at, read with a few bounded statements, and what they found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.payout import columns as tables
from services.payout.domain.fraud_rules import Finding, GiftEdge, Income
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows
from shared.postgres.statements import text

# Of a giver's own income the newest slices are read, and of those who gave it so many.
EDGE_SLICES_MAX = 200
PARTNERS_MAX = 20
OWN_CARDS_MAX = 100


@dataclass(frozen=True, slots=True)
class Funding:
    """What a lot of coins was paid with."""

    viewer: str
    lot: UUID
    purchase: UUID
    paid_at: datetime
    fingerprint: str | None


_income = RowMapper(Income)
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


async def income_of(
    tx: Transaction, creator: str, *, since: datetime, slices_max: int
) -> list[Income]:
    """Return what a creator's newest gifts brought, by viewer and by the card that paid."""
    values = {"creator": creator, "since": since, "slices_max": slices_max}
    return [_income(row) for row in await tx.execute(_INCOME, values)]


# Scalar subqueries keep each look-up a look-up by key, on any statistics.
_INCOME = text("""
    WITH newest AS (
        SELECT viewer, lot, diamonds, reversed_diamonds, occurred_at FROM earnings
        WHERE creator = :creator ORDER BY decision DESC LIMIT :slices_max
    ), known AS (
        SELECT viewer, diamonds, reversed_diamonds, occurred_at,
               (SELECT fingerprint FROM fundings
                WHERE fundings.viewer = newest.viewer AND fundings.lot = newest.lot) AS fingerprint,
               (SELECT first_paid_at FROM payers WHERE payers.viewer = newest.viewer)
                   AS first_paid_at,
               (SELECT true FROM fraud_warnings WHERE fraud_warnings.lot = newest.lot) AS flagged
        FROM newest WHERE occurred_at >= CAST(:since AS timestamptz)
    )
    SELECT viewer, fingerprint, sum(diamonds)::bigint AS diamonds,
           sum(reversed_diamonds)::bigint AS reversed_diamonds,
           coalesce(sum(diamonds - reversed_diamonds) FILTER (WHERE flagged), 0)::bigint
               AS flagged_diamonds,
           min(occurred_at) AS first_gift_at, min(first_paid_at) AS first_paid_at
    FROM known GROUP BY viewer, fingerprint ORDER BY viewer, fingerprint
""")


async def own_fingerprints(tx: Transaction, creator: str) -> frozenset[str]:
    """Return which cards a creator paid with."""
    rows = await tx.execute(_OWN, {"creator": creator, "limit": OWN_CARDS_MAX})
    return frozenset(row.fingerprint for row in rows)


_OWN = text("""
    SELECT DISTINCT fingerprint FROM fundings
    WHERE viewer = :creator AND fingerprint IS NOT NULL ORDER BY fingerprint LIMIT :limit
""")


async def edges_to(tx: Transaction, creator: str, givers: Iterable[str]) -> list[GiftEdge]:
    """Return what givers were given themselves, and what the creator gave to their givers."""
    values = {
        "creator": creator,
        "givers": sorted(givers),
        "slices_max": EDGE_SLICES_MAX,
        "partners_max": PARTNERS_MAX,
    }
    return [_edge(row) for row in await tx.execute(_EDGES, values)]


_EDGES = text("""
    WITH near AS (
        SELECT gifts.viewer, givers.name AS creator, sum(gifts.diamonds)::bigint AS diamonds
        FROM (SELECT unnest(CAST(:givers AS text[])) AS name) AS givers
        CROSS JOIN LATERAL (
            SELECT viewer, diamonds FROM earnings WHERE creator = givers.name
            ORDER BY decision DESC LIMIT :slices_max
        ) AS gifts
        GROUP BY gifts.viewer, givers.name
    ), partners AS (
        SELECT viewer AS name FROM near GROUP BY viewer
        ORDER BY sum(diamonds) DESC, viewer LIMIT :partners_max
    ), far AS (
        SELECT gifts.viewer, partners.name AS creator, sum(gifts.diamonds)::bigint AS diamonds
        FROM partners CROSS JOIN LATERAL (
            SELECT viewer, diamonds FROM earnings WHERE creator = partners.name
            ORDER BY decision DESC LIMIT :slices_max
        ) AS gifts
        WHERE gifts.viewer = :creator
        GROUP BY gifts.viewer, partners.name
    )
    SELECT viewer, creator, diamonds FROM near
    UNION
    SELECT viewer, creator, diamonds FROM far
    ORDER BY creator, viewer
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
