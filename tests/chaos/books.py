"""What the services' databases say, read past the services."""

from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

from deploy.harness.postgres import PostgresServer
from shared.contracts.routes import SERVICES

# By gift: how often it is there, and for how many coins in all.
Gifts: TypeAlias = dict[str, tuple[int, int]]

# One query a book; each names a gift, how often it stands there, and its coins.
_GIFTS = {
    "gift": "SELECT id, 1, coins FROM gifts WHERE state = 'sent'",
    "wallet": """
        SELECT e.gift, count(*), sum(p.amount)
        FROM entries AS e
        JOIN postings AS p
            ON p.user_id = e.user_id AND p.entry = e.number AND p.account = '@spent'
        WHERE e.kind = 'gift' GROUP BY 1
    """,
    # A gift of several slices is one entry and several earnings.
    "payout": """
        SELECT gift, (
            SELECT count(*) FROM entries WHERE entries.gift = earnings.gift
        ), sum(coins)
        FROM earnings GROUP BY gift
    """,
    # Counted once, and shown as often as it stands in the feed.
    "live": """
        SELECT gift, count(feed.subject), coins
        FROM gifts LEFT JOIN feed ON feed.kind = 'gift' AND feed.subject = gifts.gift
        GROUP BY gift
    """,
}
_SUMS = {
    "purchase": """
        SELECT (SELECT sum(coins + bonus_coins + first_purchase_coins + promo_coins)
                FROM purchases WHERE paid_at IS NOT NULL) AS bought,
               (SELECT sum(amount) FROM postings) AS postings
    """,
    "wallet": """
        SELECT (SELECT sum(coins) FROM lots) AS bought,
               (SELECT sum(coins) FROM slices) AS spent,
               (SELECT sum(least(owed - repaid, spent)) FROM lots
                WHERE owed > repaid AND spent > 0) AS reversed,
               (SELECT sum(amount) FROM postings) AS postings
    """,
    "gift": """
        SELECT sum(coins) AS spent, sum(reversed_coins) AS reversed FROM gifts WHERE state = 'sent'
    """,
    "payout": """
        SELECT (SELECT sum(coins) FROM earnings) AS spent,
               (SELECT sum(reversed_coins) FROM reversals) AS reversed,
               (SELECT sum(amount) FROM postings) AS postings
    """,
    "live": """
        SELECT sum(coins) + (SELECT coalesce(sum(reversed_coins), 0) FROM reversals) AS spent,
               (SELECT sum(reversed_coins) FROM reversals) AS reversed,
               sum(coins) - (SELECT sum(coins) FROM scores WHERE period = 'all')
                   -- What was given anonymously counts for its room, and in nobody's score.
                   - (SELECT coalesce(sum(coins), 0) FROM gifts
                      WHERE anonymous AND room IS NOT NULL)
                   + (SELECT coalesce(sum(reversed_coins), 0)
                      FROM reversals JOIN gifts ON gifts.gift = reversals.gift WHERE anonymous)
                   AS between_rooms_and_scores
        FROM rooms
    """,
}
# What has yet to come to its end, by service; nothing of it may stay.
_OPEN = {
    "purchase": """
        SELECT (SELECT count(*) FROM purchases WHERE state NOT IN ('completed')) AS purchases,
               (SELECT count(*) FROM refunds
                WHERE state NOT IN ('refunded', 'declined')
                   OR state = 'refunded' AND voided_at IS NULL) AS refunds
    """,
    "wallet": "SELECT count(*) AS holds FROM holds WHERE state = 'held'",
    "gift": """
        SELECT (SELECT count(*) FROM gifts WHERE state = 'requested') AS gifts,
               (SELECT count(*) FROM combos WHERE ended_at IS NULL) AS combos
    """,
}
_OUTBOX = "SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM outbox_blocked)"
_DISPUTES = "SELECT dispute, revision FROM disputes"
# What was said about a decision; of some, nothing.
_DECISIONS = "SELECT user_id, number FROM outcomes WHERE outcome <> '{}'"
_PURCHASES = """
    SELECT purchase, count(DISTINCT id), sum(coins), (
        SELECT count(*) FROM entries WHERE entries.reference = 'purchase:' || lots.purchase
    )
    FROM lots GROUP BY purchase
"""


@dataclass(frozen=True, slots=True)
class Books:
    """Reads every service's database as its administrator."""

    postgres: PostgresServer

    async def rows(self, service: str, query: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.postgres.dsn(service))
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    async def gifts(self) -> dict[str, Gifts]:
        """Return the gifts in every book, by service."""
        return {
            service: {
                str(gift): (int(count), int(coins))
                for gift, count, coins in await self.rows(service, query)
            }
            for service, query in _GIFTS.items()
        }

    async def states(self) -> dict[str, str]:
        """Return where every gift stands that was ever asked for."""
        rows = await self.rows("gift", "SELECT id, state FROM gifts")
        return {str(gift): state for gift, state in rows}

    async def credited(self) -> dict[str, int]:
        """Return how often the coins of each purchase were credited."""
        return {str(row[0]): int(row[3]) for row in await self.rows("wallet", _PURCHASES)}

    async def decisions(self, service: str) -> list[tuple[str, int]]:
        """Return every decision of a ledger that others hear of, by user and number."""
        return [(row[0], row[1]) for row in await self.rows(service, _DECISIONS)]

    async def sums(self) -> dict[str, dict[str, int]]:
        """Return the sums that have to agree, by service and what they are of."""
        found = {}
        for service, query in _SUMS.items():
            (row,) = await self.rows(service, query)
            found[service] = {name: int(value or 0) for name, value in row.items()}
        return found

    async def unfinished(self) -> dict[str, int]:
        """Return what has yet to come to its end or to leave its service, by what it is."""
        found: dict[str, int] = {}
        for service, query in _OPEN.items():
            (row,) = await self.rows(service, query)
            found |= {f"{service}: open {name}": int(value) for name, value in row.items()}
        for service in SERVICES:
            ((waiting, blocked),) = await self.rows(service, _OUTBOX)
            found |= {f"{service}: outbox": waiting, f"{service}: blocked": blocked}
        return found

    async def disputes(self, service: str) -> set[tuple[str, int]]:
        """Return how far a service, purchase or wallet, has followed each dispute."""
        return {(row[0], row[1]) for row in await self.rows(service, _DISPUTES)}
