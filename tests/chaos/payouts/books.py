"""What payout has in its books, by provider, and what is on its way."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from deploy.ctl.installation import Installation
from services.payout.domain.payees import DestinationKind
from tests.chaos.books import Books
from tests.chaos.payouts.plan import PROVIDERS, Creator
from tests.chaos.payouts.vendors import Vendors
from tests.chaos.quiet import DEAD_LETTERS, waiting

# A creator has one provider, whose name is the first part of theirs.
_PAID = """
    SELECT split_part(user_id, '-', 1) AS provider, asset, -sum(amount) AS minor
    FROM postings WHERE account = '@provider_clearing' GROUP BY 1, 2
"""
_OPEN = """
    SELECT (SELECT count(*) FROM payouts WHERE state IN ('requested', 'held', 'approved', 'sent')),
           (SELECT count(*) FROM attempts WHERE unresolved_at IS NOT NULL AND NOT closed),
           (SELECT count(*) FROM attempts WHERE NOT closed)
"""
_NAMES = ("open payouts", "attempts that only a person can resolve", "open attempts")
_OUTBOX = "SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM outbox_blocked)"
_STATES = "SELECT id, state FROM payouts"
_ATTEMPTS = "SELECT id FROM attempts WHERE payout = $1"
_ALL_ATTEMPTS = "SELECT id, payout FROM attempts"
# What creators have or were paid for, in diamonds: as much as they were granted.
_DIAMONDS = """
    SELECT user_id, sum(amount) FILTER (WHERE account IN ('main', 'held')) AS theirs,
           coalesce(sum(amount) FILTER (WHERE account = '@paid_out'), 0) AS paid_out
    FROM postings WHERE asset = 'diamonds' GROUP BY 1
"""
_ADD_PAYEE = """
    INSERT INTO payees (creator, currency, provider, destination, verification, payouts_enabled)
    VALUES ($1, 'USD', $2, $3, 'verified', true)
"""
# An e-mail address is kept apart, and a token of ours stands in its place.
_ADD_CONTACT = """
    INSERT INTO payee_contacts (creator, revision, destination, email) VALUES ($1, 1, $2, $3)
"""
# What was paid is watched, a day apart.
_LET_TIME_PASS = "UPDATE attempts SET next_check_at = now() WHERE next_check_at > now()"
_GIVE_TURNS = f"{_LET_TIME_PASS} AND NOT closed"
# An account that was short of money is asked again after ten minutes.
_TRY_AGAIN = """
    UPDATE attempts SET first_submitted_at = first_submitted_at - interval '10 minutes'
    FROM payouts
    WHERE attempts.closed AND payouts.creator = attempts.creator AND payouts.id = attempts.payout
      AND payouts.state = 'approved'
"""


@dataclass(frozen=True, slots=True)
class PayoutBooks:
    """Reads the database as its administrator, past the services."""

    books: Books
    installation: Installation
    vendors: Vendors

    async def add_payee(self, creator: Creator, destination: str) -> None:
        """Let a creator's money go somewhere; how creators say so is another story."""
        vendor = self.vendors[creator.provider]
        if vendor.provider.destination_kind is DestinationKind.EMAIL:
            token = f"email_of_{creator.name}"
            await self._execute(_ADD_CONTACT, creator.name, token, destination)
            destination = token
        await self._execute(_ADD_PAYEE, creator.name, creator.provider, destination)

    async def paid(self) -> dict[str, dict[str, int]]:
        """Return by provider and currency what our books say that creators have of it."""
        found: dict[str, dict[str, int]] = {name: {} for name in PROVIDERS}
        for provider, asset, minor in await self.books.rows("payout", _PAID):
            if minor:
                found[provider][asset] = int(minor)
        return found

    async def differences(self) -> dict[str, int]:
        """Return by how many minor units our books differ from each provider's own."""
        ours = await self.paid()
        return {name: difference(ours[name], self.vendors[name].books()) for name in PROVIDERS}

    async def states(self) -> dict[str, str]:
        return {str(row[0]): row[1] for row in await self.books.rows("payout", _STATES)}

    async def attempts_of(self, payout: str) -> list[str]:
        connection = await asyncpg.connect(self.books.postgres.dsn("payout"))
        try:
            return [str(row[0]) for row in await connection.fetch(_ATTEMPTS, payout)]
        finally:
            await connection.close()

    async def attempts(self) -> dict[str, list[str]]:
        """Return the attempts of every payout."""
        found: dict[str, list[str]] = {}
        for attempt, payout in await self.books.rows("payout", _ALL_ATTEMPTS):
            found.setdefault(str(payout), []).append(str(attempt))
        return found

    async def diamonds(self) -> dict[str, int]:
        """Return how many diamonds each creator has or was paid for."""
        rows = await self.books.rows("payout", _DIAMONDS)
        return {row[0]: int(row[1] or 0) + int(row[2]) for row in rows}

    async def on_its_way(self) -> dict[str, int]:
        """Return what has yet to come to its end, by what it is."""
        ((*counts,),) = await self.books.rows("payout", _OPEN)
        found = Counter(dict(zip(_NAMES, map(int, counts), strict=True)))
        ((outbox, blocked),) = await self.books.rows("payout", _OUTBOX)
        found |= {"outbox": outbox, "blocked": blocked}
        found |= {f"books of {name}": n for name, n in (await self.differences()).items()}
        return {name: count for name, count in found.items() if count}

    async def dead_letters(self) -> dict[str, int]:
        queues = waiting(self.installation)
        return {name: n for name, n in queues.items() if n and name.endswith(DEAD_LETTERS)}

    async def let_time_pass(self) -> None:
        await self._execute(_LET_TIME_PASS)

    async def give_turns(self) -> None:
        """Let what is on its way be looked at now."""
        await self._execute(_GIVE_TURNS)
        await self._execute(_TRY_AGAIN)

    async def _execute(self, query: str, *values: object) -> None:
        connection = await asyncpg.connect(self.books.postgres.dsn("payout"))
        try:
            await connection.execute(query, *values)
        finally:
            await connection.close()


def difference(ours: Mapping[str, int], theirs: Mapping[str, int]) -> int:
    """Add up by how much two books differ, over all currencies."""
    return sum(abs(ours.get(each, 0) - theirs.get(each, 0)) for each in ours.keys() | theirs.keys())
