"""Everything that is recorded about the money of purchases, in one statement."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import TypeAdapter

from services.purchase import columns as tables
from services.purchase.domain.known_money import KnownMoney
from shared.postgres.database import Transaction
from shared.postgres.rows import unnest
from shared.postgres.statements import text

_OF = "t.viewer = asked.viewer AND t.purchase = asked.purchase"
# JSON has the columns by name; a field is read by its type, and a column without a field is not.
_READ = text(f"""
    SELECT asked.viewer, asked.purchase, CAST(jsonb_build_object(
        'received', (SELECT coalesce(jsonb_object_agg(t.payment, to_jsonb(t)), '{{}}')
                     FROM payments AS t WHERE {_OF}),
        'answers', (SELECT coalesce(jsonb_object_agg(t.payment, to_jsonb(t)), '{{}}')
                    FROM provider_answers AS t WHERE {_OF}),
        'disputes', (SELECT coalesce(jsonb_object_agg(
                         t.dispute, to_jsonb(t) || jsonb_build_object('id', t.dispute)), '{{}}')
                     FROM disputes AS t WHERE {_OF}),
        'warnings', (SELECT coalesce(jsonb_agg(t.warning), '[]') FROM warnings AS t WHERE {_OF}),
        'refunds', (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.requested_at, t.id), '[]')
                    FROM refunds AS t WHERE {_OF}),
        'evidence', (SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]')
                     FROM country_evidence AS t WHERE {_OF})
    ) AS text) AS money
    FROM {unnest(tables.Payment, "viewer", "purchase", name="asked")}
""")  # noqa: S608 - our own text only
_money = TypeAdapter(KnownMoney)


async def known_money(
    tx: Transaction, keys: Sequence[tuple[str, UUID]]
) -> dict[tuple[str, UUID], KnownMoney]:
    """Return what is known of the money of locked purchases."""
    if not keys:
        return {}
    viewers, purchases = [viewer for viewer, _ in keys], [purchase for _, purchase in keys]
    rows = await tx.execute(_READ, {"viewer": viewers, "purchase": purchases})
    return {(row.viewer, row.purchase): _money.validate_json(row.money) for row in rows}
