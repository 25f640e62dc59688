"""
Feeds orders of facts to the services, many worlds in one batch, and compares how they end.

`once` hears each fact once. `twice` hears each fact and each consequence twice, and all facts
again at the end, and no repetition may change a single row. `late` lets the consequences arrive
late, in any order, and some of them twice.
"""

import random
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

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
    """What was tried, and what ended otherwise than it should have: an example of each kind."""

    sets: int = 0
    orders: int = 0
    duplicates: int = 0
    late: int = 0
    facts: int = 0
    differences: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)

    def add(self, other: "Summary") -> None:
        self.sets += other.sets
        self.orders += other.orders
        self.duplicates += other.duplicates
        self.late += other.late
        self.facts += other.facts
        self.differences += other.differences
        for kind, count in other.kinds.items():
            self.kinds[kind] = self.kinds.get(kind, 0) + count
            if len(self.shown) < SHOWN_MAX:
                self.shown.setdefault(kind, other.shown.get(kind, ""))

    def note(self, difference: str) -> None:
        """Count a difference by its first line that says what is wrong, whatever the numbers."""
        self.differences += 1
        kind = re.sub(r"\d+", "#", difference.split("\n")[1].strip())
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if len(self.shown) < SHOWN_MAX:
            self.shown.setdefault(kind, difference)


async def run_orders(
    economy: Economy, orders: Iterable[Order], *, ways: Sequence[str] = WAYS, chunk: int = CHUNK
) -> AsyncIterator[Summary]:
    """Run orders in chunks; orders of one chunk are alike in what concerns all worlds."""
    for alike in _alike(orders, chunk):
        for way in ways:
            yield await _run_chunk(economy, alike, way)


async def _run_chunk(economy: Economy, orders: Sequence[Order], way: str) -> Summary:
    await economy.forget()
    late = way == "late"
    worlds = [World(f"w{number}", order, is_late=late) for number, order in enumerate(orders)]
    await economy.share([world.creator for world in worlds])
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
    for difference in found.values():
        summary.note(f"[{way}] {difference}")
    return summary


class Steps:
    """Takes all worlds of a chunk one fact further."""

    def __init__(self, economy: Economy, worlds: Sequence[World], way: str) -> None:
        self._economy, self._worlds, self._way = economy, worlds, way
        self._by_name = {world.name: world for world in worlds}
        self._order = random.Random(len(worlds))
        # What was remembered after the last step, where it is known.
        self._remembered: dict[str, str] | None = None

    async def hear(self, place: int) -> None:
        """Let each world hear its next fact, and its consequences arrive."""
        self._remembered = None
        await self._hear(place, is_new=True)
        await self._spread()

    async def hear_again(self, place: int) -> int:
        """Let facts be heard again: nothing at all may change. Returns how many were."""
        before = self._remembered or await fingerprints(self._economy)
        heard = await self._hear(place, is_new=False)
        await self._spread()
        after = self._remembered = await fingerprints(self._economy)
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
        """Let each world hear one fact of its order; only what is a message is heard again."""
        now = [(world, world.order[place]) for world in self._worlds if place < len(world.order)]
        if is_new:
            for world, fact in now:
                world.seen += (fact,)
                if isinstance(fact, TimePasses):
                    world.time_passes()
        gifts = [(world, fact) for world, fact in now if isinstance(fact, Gift)]
        money = [
            (fact, world.told(fact))
            for world, fact in now
            if not isinstance(fact, Gift | TimePasses | CashedOut)
        ]
        await self._economy.hear("wallet.money", [delivery for _, delivery in money])
        warnings = [delivery for fact, delivery in money if isinstance(fact, Flagged)]
        await self._economy.hear("payout.gifts", warnings)
        await self._hear_gifts(gifts, is_new=is_new)
        if is_new:
            await self._move_on(now)
        return len(money) + len(gifts)

    async def _move_on(self, now: Sequence[tuple[World, Fact]]) -> None:
        """Let time pass, and creators cash out."""
        if any(isinstance(fact, TimePasses) for _, fact in now):
            await self._economy.let_time_pass()
        creators = [
            world.creator(fact.creator) for world, fact in now if isinstance(fact, CashedOut)
        ]
        if creators:
            await self._economy.cash_out(creators)

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
