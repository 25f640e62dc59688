"""What purchase and wallet have in their books, by provider, and what is on its way."""

from dataclasses import dataclass
from typing import TypeAlias

from deploy.ctl.installation import Installation
from tests.chaos.books import Books
from tests.chaos.purchases.plan import PROVIDERS, QUEUES
from tests.chaos.purchases.vendors import Vendors
from tests.chaos.quiet import waiting

# By currency: what is held, and which fees were kept, in minor units.
Held: TypeAlias = dict[str, tuple[int, int]]

# A viewer has one provider, whose name is the first part of theirs.
_HELD = """
    SELECT split_part(user_id, '-', 1) AS provider, asset,
           coalesce(sum(amount) FILTER (WHERE account = '@provider_clearing'), 0) AS clearing,
           coalesce(sum(amount) FILTER (WHERE account = '@provider_fees'), 0) AS fees
    FROM postings GROUP BY 1, 2
"""
_OPEN = """
    SELECT (SELECT count(*) FROM purchases WHERE state IN ('created', 'pending', 'paid')),
           (SELECT count(*) FROM refunds
            WHERE state IN ('requested', 'frozen') OR state = 'refunded' AND voided_at IS NULL),
           (SELECT count(*) FROM webhook_events WHERE next_check_at IS NOT NULL),
           (SELECT count(*) FROM acceptances WHERE next_check_at IS NOT NULL)
"""
_NAMES = ("open purchases", "open refunds", "webhook events not applied", "stores not told")
_STATES = "SELECT id, state FROM purchases"
_CREDITED = """
    SELECT substr(reference, 10), count(*) FROM entries
    WHERE reference LIKE 'purchase:%' GROUP BY 1
"""
_COINS = {
    "purchase": """
        SELECT sum(coins + bonus_coins + first_purchase_coins + promo_coins)
        FROM purchases WHERE paid_at IS NOT NULL
    """,
    "wallet": "SELECT sum(coins) FROM lots",
}
_OUTBOX = "SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM outbox_blocked)"
# What waits for its next turn takes it now; and the time for paying is over.
_LET_TIME_PASS = "UPDATE {} SET next_check_at = now() WHERE next_check_at > now()"
_WAITING = ("purchases", "refunds", "webhook_events", "acceptances")
_END_TIME_TO_PAY = """
    UPDATE purchases SET created_at = created_at - interval '31 minutes',
                         expires_at = expires_at - interval '31 minutes'
    WHERE state IN ('created', 'pending')
"""


@dataclass(frozen=True, slots=True)
class PaymentBooks:
    """Reads the databases as their administrator, past the services."""

    books: Books
    installation: Installation
    vendors: Vendors

    async def held(self) -> dict[str, Held]:
        """Return by provider what our books say that it holds."""
        found: dict[str, Held] = {name: {} for name in PROVIDERS}
        for provider, asset, clearing, fees in await self.books.rows("purchase", _HELD):
            if clearing or fees:
                found[provider][asset] = (int(clearing), int(fees))
        return found

    async def differences(self) -> dict[str, int]:
        """Return by how many minor units our books differ from each provider's own."""
        ours = await self.held()
        return {name: difference(ours[name], self.vendors[name].books()) for name in PROVIDERS}

    async def states(self) -> dict[str, str]:
        return {str(row[0]): row[1] for row in await self.books.rows("purchase", _STATES)}

    async def credited(self) -> dict[str, int]:
        """Return how often the coins of each purchase were credited."""
        return {row[0]: int(row[1]) for row in await self.books.rows("wallet", _CREDITED)}

    async def coins(self) -> dict[str, int]:
        found = {}
        for service, query in _COINS.items():
            ((coins,),) = await self.books.rows(service, query)
            found[service] = int(coins or 0)
        return found

    async def on_its_way(self) -> dict[str, int]:
        """Return what has yet to come to its end, by what it is."""
        ((*counts,),) = await self.books.rows("purchase", _OPEN)
        found = dict(zip(_NAMES, map(int, counts), strict=True))
        for service in ("purchase", "wallet"):
            ((outbox, blocked),) = await self.books.rows(service, _OUTBOX)
            found |= {f"{service}: outbox": outbox, f"{service}: blocked": blocked}
        queues = waiting(self.installation)
        found |= {name: n for name, n in queues.items() if name in QUEUES}
        found |= {f"books of {name}": n for name, n in (await self.differences()).items()}
        return {name: count for name, count in found.items() if count}

    async def let_time_pass(self) -> None:
        for table in _WAITING:
            await self.books.rows("purchase", _LET_TIME_PASS.format(table))

    async def end_time_to_pay(self) -> None:
        await self.books.rows("purchase", _END_TIME_TO_PAY)


def difference(ours: Held, theirs: Held) -> int:
    """Add up by how much two books differ, over all currencies."""
    off = 0
    for currency in ours.keys() | theirs.keys():
        pairs = zip(ours.get(currency, (0, 0)), theirs.get(currency, (0, 0)), strict=True)
        off += sum(abs(one - other) for one, other in pairs)
    return off
