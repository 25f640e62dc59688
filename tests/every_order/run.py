"""
Feeds orders of facts to the services, many worlds in one batch, and compares how they end.

`once` hears each fact once. `twice` hears each fact and each consequence twice, and all facts
again at the end, and no repetition may change a single row. `late` lets the consequences arrive
late, in any order, and some of them twice.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from shared.messaging.delivery import Delivery
from tests.every_order.alphabet import Order
from tests.every_order.compare import differences, fingerprints
from tests.every_order.economy import Economy
from tests.every_order.facts import CashedOut, Fact, Flagged, Gift, TimePasses
from tests.every_order.worlds import World

WAYS = ("once", "twice", "late")
CHUNK = 800
SHOWN_MAX = 20


@dataclass(slots=True)
class Summary:
    """What was tried, and what ended otherwise than it should have."""

    sets: int = 0
    orders: int = 0
    duplicates: int = 0
    late: int = 0
    facts: int = 0
    differences: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, other: "Summary") -> None:
        self.sets += other.sets
        self.orders += other.orders
        self.duplicates += other.duplicates
        self.late += other.late
        self.facts += other.facts
        self.differences += other.differences
        self.shown = (self.shown + other.shown)[:SHOWN_MAX]


async def run_orders(
    economy: Economy, orders: Iterable[Order], *, ways: Sequence[str] = WAYS, chunk: int = CHUNK
) -> AsyncIterator[Summary]:
    """Run orders in chunks; orders of one chunk are alike in what concerns all worlds."""
    for alike in _alike(orders, chunk):
        for way in ways:
            yield await _run_chunk(economy, alike, way)


async def _run_chunk(economy: Economy, orders: Sequence[Order], way: str) -> Summary:
    await economy.forget()
    worlds = [World(f"w{number}", order, is_late=way == "late") for number, order in enumerate(orders)]
    steps = Steps(economy, worlds, way)
    summary = Summary()
    length = max(len(order) for order in orders)
    for place in range(length):
        await steps.hear(place)
        if way == "twice":
            summary.duplicates += await steps.hear_again(place)
        if way == "late" and place == length // 2:
            await steps.arrive()
    if way == "twice":
        for place in range(length):
            summary.duplicates += await steps.hear_again(place)
    await steps.arrive()
    found = await differences(economy, worlds)
    summary.facts = sum(len(order) for order in orders)
    summary.orders = len(orders) if way == "once" else 0
    summary.late = len(orders) if way == "late" else 0
    summary.differences = len(found)
    summary.shown = [f"[{way}] {each}" for each in list(found.values())[:SHOWN_MAX]]
    return summary


class Steps:
    """Takes all worlds of a chunk one fact further."""

    def __init__(self, economy: Economy, worlds: Sequence[World], way: str) -> None:
        self._economy, self._worlds, self._way = economy, worlds, way
        self._by_name = {world.name: world for world in worlds}
        self._order = random.Random(len(worlds))

    async def hear(self, place: int) -> None:
        """Let each world hear its next fact, and its consequences arrive."""
        await self._hear(place, is_new=True)
        await self._spread()

    async def hear_again(self, place: int) -> int:
        """Let facts be heard again: nothing at all may change. Returns how many were."""
        before = await fingerprints(self._economy)
        heard = await self._hear(place, is_new=False)
        await self._spread()
        after = await fingerprints(self._economy)
        for world in self._worlds:
            if before.get(world.name) != after.get(world.name):
                world.wrong.append(f"{world.order[place]} heard again changes something")
        return heard

    async def arrive(self) -> None:
        """Let everything arrive that is on its way, in any order."""
        for _ in range(2):
            await self._to_gift([self._mixed(world.to_gift) for world in self._worlds])
            await self._collect()
            for world in self._worlds:
                world.to_gift.clear()
            await self._to_payout([self._mixed(world.to_payout) for world in self._worlds])
            for world in self._worlds:
                world.to_payout.clear()

    async def _hear(self, place: int, *, is_new: bool) -> int:
        money: list[Delivery] = []
        flagged: list[Delivery] = []
        gifts: list[tuple[World, Gift]] = []
        cashed_out: list[str] = []
        time_passes = False
        for world in self._worlds:
            if place >= len(world.order):
                continue
            fact: Fact = world.order[place]
            if is_new:
                world.seen += (fact,)
            if isinstance(fact, Gift):
                gifts.append((world, fact))
            elif isinstance(fact, TimePasses):
                time_passes = is_new
                if is_new:
                    world.time_passes()
            elif isinstance(fact, CashedOut):
                cashed_out += [world.creator(fact.creator)] if is_new else []
            else:
                money.append(world.told(fact))
                if isinstance(fact, Flagged):
                    flagged.append(money[-1])
        await self._economy.hear("wallet.money", money)
        await self._economy.hear("payout.gifts", flagged)
        await self._hear_gifts(gifts, is_new=is_new)
        if time_passes:
            await self._economy.let_time_pass()
        if cashed_out:
            await self._economy.cash_out(cashed_out)
        return len(money) + len(gifts)

    async def _hear_gifts(self, gifts: Sequence[tuple[World, Gift]], *, is_new: bool) -> None:
        if not gifts:
            return
        if is_new:
            ids = await self._economy.ask_for_gifts(
                [
                    (gift.gift, world.name, world.creator(gift.creator), gift.coins)
                    for world, gift in gifts
                ]
            )
            for world, gift in gifts:
                world.gifts[ids[world.name, gift.gift]] = gift
            asked = await self._economy.take("gift")
            by_viewer = {_viewer(delivery): delivery for delivery in asked}
            for world, gift in gifts:
                world.questions[gift.gift] = by_viewer[world.name]
        questions = [world.questions[gift.gift] for world, gift in gifts]
        await self._economy.hear("wallet.gifts", questions)

    async def _spread(self) -> None:
        """Take down what the wallet decided; unless it is to be late, let it arrive."""
        for delivery in await self._economy.take("wallet"):
            world = self._by_name[_viewer(delivery)]
            _note_dead_letter(world, delivery)
            world.answered(delivery)
            world.to_gift.append(delivery)
        if self._way == "late":
            return
        times = 2 if self._way == "twice" else 1
        await self._to_gift([world.to_gift * times for world in self._worlds])
        await self._collect()
        await self._to_payout([world.to_payout * times for world in self._worlds])
        for world in self._worlds:
            world.to_gift.clear()
            world.to_payout.clear()

    async def _collect(self) -> None:
        for delivery in await self._economy.take("gift"):
            world = self._by_name[_viewer(delivery)]
            _note_dead_letter(world, delivery)
            world.to_payout.append(delivery)

    async def _to_gift(self, deliveries: Sequence[Sequence[Delivery]]) -> None:
        news = list(chain.from_iterable(deliveries))
        queues = ["gift.outcomes", "gift.reversals"]
        if self._way == "late":
            self._order.shuffle(queues)
        for queue in queues:
            await self._economy.hear(queue, news)

    async def _to_payout(self, deliveries: Sequence[Sequence[Delivery]]) -> None:
        await self._economy.hear("payout.gifts", list(chain.from_iterable(deliveries)))
        for delivery in await self._economy.take("payout"):
            creator = _viewer(delivery).rpartition("-")[0]
            if creator in self._by_name:
                _note_dead_letter(self._by_name[creator], delivery)

    def _mixed(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """In any order; a third of them twice."""
        twice = [each for each in deliveries if self._order.random() < 1 / 3]
        mixed = [*deliveries, *twice]
        self._order.shuffle(mixed)
        return mixed


def _alike(orders: Iterable[Order], chunk: int) -> Iterator[list[Order]]:
    """Time passes for all worlds at once: only orders where it does so together go together."""
    waiting: dict[tuple[int, int | None], list[Order]] = {}
    for order in orders:
        places = [place for place, fact in enumerate(order) if isinstance(fact, TimePasses)]
        group = waiting.setdefault((len(order), places[0] if places else None), [])
        group.append(order)
        if len(group) == chunk:
            yield group.copy()
            group.clear()
    yield from (group for group in waiting.values() if group)


def _viewer(delivery: Delivery) -> str:
    return str(delivery.headers["cloudEvents_partitionkey"])


def _note_dead_letter(world: World, delivery: Delivery) -> None:
    if "ovation_error_code" in delivery.headers:
        code = delivery.headers["ovation_error_code"]
        world.wrong.append(f"{delivery.type} was set aside: {code}")
