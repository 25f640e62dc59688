"""How worlds ended in the services' own tables, beside what the oracle says."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.every_order.economy import Economy
from tests.every_order.facts import CashedOut, Lot
from tests.every_order.law import broken_laws
from tests.every_order.oracle import End, LotEnd
from tests.every_order.parts import parts, receiver_of
from tests.every_order.worlds import World

# Everything that a fact may change and a repetition may not: whose it is, and what is looked at.
BALANCE = "(kind, asset, balance)::text"
VIEWER_OF = "regexp_replace({}, '-.$', '')"
ROWS = {
    "wallet": {
        "accounts": ("user_id", BALANCE),
        "lots": ("user_id", "lots::text"),
        "slices": ("user_id", "slices::text"),
        "postings": ("user_id", "postings::text"),
        "repayments": ("user_id", "repayments::text"),
    },
    "gift": {
        "gifts": ("viewer", "gifts::text"),
        "reversals": ("viewer", "reversals::text"),
    },
    "payout": {
        "accounts": (VIEWER_OF.format("user_id"), BALANCE),
        "postings": (VIEWER_OF.format("user_id"), "postings::text"),
        "earnings": (VIEWER_OF.format("creator"), "earnings::text"),
        "reversals": (VIEWER_OF.format("creator"), "reversals::text"),
    },
}


@dataclass(slots=True)
class Found:
    """What one world has in the services' tables."""

    coins: dict[str, int] = field(default_factory=dict)
    lots: dict[Any, Any] = field(default_factory=dict)
    gift_reversals: dict[Any, int] = field(default_factory=dict)
    payout_reversals: dict[Any, int] = field(default_factory=dict)
    diamonds: dict[str, dict[str, int]] = field(default_factory=dict)


async def fingerprints(economy: Economy) -> dict[str, str]:
    """Everything that is remembered of each world, in short."""
    digests: dict[str, Any] = defaultdict(hashlib.sha1)
    for service, tables in ROWS.items():
        parts = " UNION ALL ".join(
            f"SELECT {who} AS who, '{table}' || md5(string_agg({what}, '|' ORDER BY {what}))"
            f" AS what FROM {table} GROUP BY 1"
            for table, (who, what) in tables.items()
        )
        for row in await economy.rows(service, f"SELECT * FROM ({parts}) AS t ORDER BY who, what"):
            digests[row["who"]].update(row["what"].encode())
    return {name: digest.hexdigest() for name, digest in digests.items()}


async def differences(economy: Economy, worlds: Sequence[World]) -> dict[str, str]:
    """Say of each world that did not end as it should what is different."""
    found = await _found(economy)
    told = {}
    for world in worlds:
        wrong = [*world.wrong, *_compared(world, found[world.name])]
        if wrong:
            order = ", ".join(str(fact) for fact in world.order)
            told[world.name] = f"{order}\n    " + "\n    ".join(wrong)
    for fault in await economy.faults():
        name = fault.user.partition("-")[0]
        told[name] = f"{told.get(name, name)}\n    {fault}"
    return told


async def _found(economy: Economy) -> dict[str, Found]:
    found: dict[str, Found] = defaultdict(Found)
    for row in await economy.rows(
        "wallet", "SELECT user_id, kind, balance FROM accounts WHERE asset = 'coins'"
    ):
        found[row["user_id"]].coins[row["kind"]] = row["balance"]
    for row in await economy.rows("wallet", "SELECT * FROM lots"):
        found[row["user_id"]].lots[row["id"]] = row
    for row in await economy.rows("gift", "SELECT * FROM reversals WHERE reversed_coins > 0"):
        found[row["viewer"]].gift_reversals[row["gift"], row["lot"]] = row["reversed_coins"]
    for row in await economy.rows("payout", "SELECT * FROM reversals WHERE reversed_coins > 0"):
        viewer = row["creator"].rpartition("-")[0]
        found[viewer].payout_reversals[row["gift"], row["lot"]] = row["reversed_coins"]
    for row in await economy.rows(
        "payout",
        "SELECT user_id, account, sum(amount)::bigint AS diamonds FROM postings"
        " WHERE asset = 'diamonds' GROUP BY user_id, account",
    ):
        viewer, _, creator = row["user_id"].rpartition("-")
        accounts = found[viewer].diamonds.setdefault(creator, {})
        accounts[row["account"]] = row["diamonds"]
    return found


def _compared(world: World, found: Found) -> Iterator[str]:
    end = world.expected()
    coins = {kind: found.coins.get(kind, 0) for kind in ("main", "held", "debt")}
    due = {"main": end.main, "held": end.held, "debt": -end.debt}
    if coins != due:
        yield f"coins are {coins}, not {due}"
    yield from _compared_lots(world, found, end)
    yield from _compared_reversals(world, found, end)
    yield from _compared_diamonds(world, found, end)
    stands: Counter[str] = Counter()
    for name, accounts in found.diamonds.items():
        stands[receiver_of(name)] += _stands(accounts)
    given = {gift.gift: gift.coins for gift, _ in world.decisions.gifts}
    for (gift, _), coins_reversed in _by_gift_and_lot(world, found.payout_reversals).items():
        given[gift] -= coins_reversed
    yield from broken_laws(
        world.seen,
        world.decisions,
        coins_left=coins["main"] + coins["held"],
        standing=given,
        diamonds=stands,
    )


def _compared_lots(world: World, found: Found, end: End) -> Iterator[str]:
    for id_, row in found.lots.items():
        lot = world.lots[id_]
        there = LotEnd(
            spent=row["spent"],
            refunded=row["refunded"],
            burned=row["charged_back"],
            owed=row["owed"],
            settled=row["repaid"],
            held=row["held"],
            lent=row["paid_debts"],
            free=row["remaining"] - row["held"],
        )
        if there != end.lots[lot]:
            yield f"{lot} is {there}, not {end.lots[lot]}"
    if {world.lots[id_] for id_ in found.lots} != set(end.lots):
        yield f"lots are {list(found.lots)}"


def _compared_reversals(world: World, found: Found, end: End) -> Iterator[str]:
    announced = {about: coins for about, (_, coins) in world.newest.items() if coins}
    by_gift = _by_gift_and_lot(world, found.gift_reversals)
    by_payout = _by_gift_and_lot(world, found.payout_reversals)
    for whose, there in (("wallet", announced), ("gift", by_gift), ("payout", by_payout)):
        if there != end.reversed_coins:
            yield f"in {whose} stand reversed {there}, not {end.reversed_coins}"


def _by_gift_and_lot(world: World, reversals: dict[Any, int]) -> dict[tuple[str, Lot], int]:
    return {
        (world.gifts[gift].gift, world.lots[lot]): coins for (gift, lot), coins in reversals.items()
    }


def _compared_diamonds(world: World, found: Found, end: End) -> Iterator[str]:
    """Diamonds are a coin's worth each: bonus and paid coins have the same rate here."""
    cashes_out = any(isinstance(fact, CashedOut) for fact in world.seen)
    standing: Counter[str] = Counter()
    for creator, slices in end.standing.items():
        for coins in slices.values():
            standing.update(parts(creator, coins))
    for creator in {*found.diamonds, *standing}:
        accounts = found.diamonds.get(creator, {})
        due = standing[creator]
        if _stands(accounts) != due:
            yield f"{creator} has {accounts}, where {due} diamonds stand"
        if min(accounts.get(each, 0) for each in ("main", "pending", "held")) < 0:
            yield f"{creator} has {accounts}"
        available = accounts.get("main", 0)
        gone = accounts.get("@paid_out", 0) + accounts.get("held", 0)
        loss = -accounts.get("@dispute_loss", 0)
        if not 0 <= loss <= gone:
            yield f"{creator} has {accounts}: a loss of more than what is gone"
        least, most = _available(world, creator)
        if available > most:
            yield f"{creator} has {available} available diamonds, where {most} have waited"
        if not cashes_out and available < least:
            yield f"{creator} has {available} available diamonds of {least} that have waited"


def _available(world: World, creator: str) -> tuple[int, int]:
    """
    Say how many diamonds are available, at least and at most.

    What came back since time passed waits; what came back before may have been waited for.
    """
    least = most = 0
    for gift, slices in world.decisions.gifts:
        if gift.creator == receiver_of(creator) and gift.gift in world.waited:
            assert world.since is not None
            for lot, coins in slices:
                since, ever = (
                    parts(gift.creator, coins - told.get((gift.gift, lot), 0))[creator]
                    for told in (world.since, world.ever)
                )
                most += since
                if not world.is_late:
                    least += ever
    return least, most


def _stands(accounts: dict[str, int]) -> int:
    """Pending, available, reserved and paid out, without what the operator lost."""
    names = ("pending", "main", "held", "@paid_out", "@dispute_loss")
    return sum(accounts.get(name, 0) for name in names)
