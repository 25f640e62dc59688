"""One system, and one run for each set of defences: thieves and honest people at the same time."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.heist.crooks import Crook, crooks
from tests.heist.days import BETWEEN, CASHING_OUT, DAYS, REVIEW_DAYS
from tests.heist.deadline import Deadline
from tests.heist.defences import ALL, Defence, without
from tests.heist.diagnosis import describe
from tests.heist.honest import Honest
from tests.heist.people import People, Person
from tests.heist.reviewer import review
from tests.heist.stage import FastSystem

Say = Callable[[str], None]
# Many times what a quiet machine of two cores takes.
START_SECONDS_MAX = 300.0
VARIANT_SECONDS_MAX = 240.0
END_SECONDS_MAX = 90.0


@dataclass(frozen=True, slots=True)
class Variant:
    """An installation that lacks some defences."""

    name: str
    missing: frozenset[Defence] = frozenset()


@dataclass(frozen=True, slots=True)
class Loot:
    """What one plan brought its thieves, and what it left: money in minor units of USD."""

    plan: str
    paid_minor: int
    # Of their own payments: what was not refunded or taken back by a bank.
    kept_minor: int

    @property
    def loss_minor(self) -> int:
        """What the operator lost: what was paid out, less what their payments left."""
        return max(0, self.paid_minor - self.kept_minor)


@dataclass(slots=True)
class Result:
    """What came of one run."""

    variant: Variant
    loot: list[Loot] = field(default_factory=list)
    processed_minor: int = 0
    honest_payouts: int = 0
    # Of those: how many a person had to look at, and how many were never paid.
    honest_reviewed: int = 0
    honest_unpaid: int = 0
    seconds: float = 0.0

    @property
    def loss_minor(self) -> int:
        return sum(each.loss_minor for each in self.loot)

    @property
    def loss_per_million(self) -> int:
        """How many dollars are lost of a million that viewers paid."""
        return round(Decimal(1_000_000) * self.loss_minor / self.processed_minor)


def _say(line: str) -> None:
    # Whoever reads a pipe wants to know how far it is.
    print(line, flush=True)


def variants(only: Iterable[str] = ()) -> list[Variant]:
    """Return the runs: with all defences, without each, and without any."""
    found = [
        Variant("all defences"),
        *(Variant(f"without {each.value}", frozenset({each})) for each in Defence),
        Variant("no defences", ALL),
    ]
    wanted = set(only)
    return [each for each in found if not wanted or each.name in wanted]


async def run(chosen: Sequence[Variant], *, seed: int, say: Say = _say) -> list[Result]:
    """Play all variants on one system, one after the other."""
    say("Starting PostgreSQL, RabbitMQ and all services, on a clock that jumps ...")
    system = FastSystem(without(frozenset()))
    with Deadline(lambda: describe(system)) as deadline:
        deadline.begin("The start", seconds_max=START_SECONDS_MAX)
        with system:
            try:
                return await _play_all(system, chosen, deadline, seed, say)
            except Exception:
                say(await asyncio.to_thread(describe, system))
                raise
            finally:
                deadline.begin("The end", seconds_max=END_SECONDS_MAX)
                system.leave_databases()


async def _play_all(
    system: FastSystem, chosen: Sequence[Variant], deadline: Deadline, seed: int, say: Say
) -> list[Result]:
    results = []
    async with People(system) as people:
        honest = Honest()
        await honest.prepare(people)
        for number, variant in enumerate(chosen):
            deadline.begin(variant.name, seconds_max=VARIANT_SECONDS_MAX)
            await system.pass_days(BETWEEN)
            await asyncio.to_thread(system.use_rules, without(variant.missing))
            result = await _play(system, people, honest, variant, f"run{number}", seed)
            results.append(result)
            say(
                f"{variant.name}: {result.loss_minor / 100:,.2f} USD lost of"
                f" {result.processed_minor / 100:,.2f}, {result.seconds:.0f} s"
            )
    return results


async def _play(
    system: FastSystem, people: People, honest: Honest, variant: Variant, space: str, seed: int
) -> Result:
    started = time.monotonic()
    thieves = crooks(space, seed, honest.fans[:4])
    before = {each.name: len(each.payouts) for each in honest.established}
    bought_before = {each.name: len(each.purchases) for each in _fans(honest)}
    reviewed_by_people = Defence.REVIEW not in variant.missing
    for day, following in zip(DAYS, [*DAYS[1:], DAYS[-1]], strict=True):
        acted = await asyncio.gather(*(each.banks_act(people, day) for each in thieves))
        # What is due after the jump has to mature before anybody cashes out.
        if any(acted) or day in CASHING_OUT:
            await system.until_quiet()
        await asyncio.gather(
            honest.act(people, day, space), *(each.act(people, day) for each in thieves)
        )
        if not reviewed_by_people or day in REVIEW_DAYS:
            await review(people, looks=reviewed_by_people)
        await system.pass_days(following - day)
    return await _result(
        system, people, honest, variant, thieves, before, bought_before, time.monotonic() - started
    )


def _fans(honest: Honest) -> list[Person]:
    return [*honest.fans, honest.great_fan]


async def _result(
    system: FastSystem,
    people: People,
    honest: Honest,
    variant: Variant,
    thieves: Sequence[Crook],
    before: dict[str, int],
    bought_before: dict[str, int],
    seconds: float,
) -> Result:
    """Add up what the provider says it took, gave back and paid out."""
    attempts = await system.attempts()
    reviewed = await system.reviewed()
    result = Result(variant, seconds=seconds)
    for thief in thieves:
        bought = [each for who in (*thief.buyers, *thief.creators) for each in who.purchases]
        payments = await asyncio.gather(*map(people.payment_of, bought))
        transfers = [
            transfer
            for each in attempts
            if each["destination"].startswith(thief.account_prefix)
            for transfer in await people.transfers_of(each["attempt"])
        ]
        paid_minor = sum(each["amount_minor"] for each in transfers if each["status"] == "paid")
        result.loot.append(Loot(thief.name, paid_minor, sum(map(_kept_minor, payments))))
        result.processed_minor += sum(each["amount_minor"] for each in payments)
    states = {(each["creator"], each["payout"]): each["state"] for each in attempts}
    for creator in honest.all_creators:
        for payout in creator.payouts[before.get(creator.name, 0) :]:
            result.honest_payouts += 1
            result.honest_reviewed += (creator.name, payout) in reviewed
            result.honest_unpaid += states.get((creator.name, payout)) != "paid"
    fresh = [p for fan in _fans(honest) for p in fan.purchases[bought_before[fan.name] :]]
    honest_payments = await asyncio.gather(*map(people.payment_of, fresh))
    result.processed_minor += sum(each["amount_minor"] for each in honest_payments)
    return result


def _kept_minor(payment: dict[str, Any]) -> int:
    """What is left of a payment; a lost dispute takes what it is about."""
    lost = (each["amount_minor"] for each in payment["disputes"] if each["status"] == "lost")
    return int(payment["amount_minor"] - payment["refunded_minor"] - sum(lost))
