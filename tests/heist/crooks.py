"""
Thieves: each has a plan to turn money that is not theirs into a payout.

They know the rules of a new installation, which are public, and stay below what they can. A stolen
card is noticed by its owner after some days, most of them soon.
"""

import asyncio
import random
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from tests.heist.days import CASHING_OUT, EARLY, LATE, NOTICED, OPENING, OWNER_WAKES, RESTED, RIPE
from tests.heist.people import NEW, People, Person

# Of a hundred stolen cards, how many are noticed on each of these days.
NOTICED_OF_100 = {5: 55, 10: 30, LATE: 15}
# Of a hundred payments with stolen cards, how many the card network warns of.
WARNED_OF_100 = 40
MOST_COINS = 25_000


class Crook(ABC):
    """A plan: who takes part, what they do on each day, and when their banks take money back."""

    # What the table calls the plan.
    name: ClassVar[str]

    def __init__(self, space: str, rng: random.Random) -> None:
        self.rng = rng
        self.space = f"{space}-{self.name}".replace(" ", "-")
        # What a dispute takes back, by the day on which the cardholder notices.
        self._noticed: dict[int, list[str]] = defaultdict(list)
        self._warned: list[str] = []
        self.creators: list[Person] = []
        self.buyers: list[Person] = []

    @property
    def account_prefix(self) -> str:
        """Where stolen money goes: the beginning of all their bank accounts."""
        return f"acct_crook_{self.space}_".replace("-", "_")

    @abstractmethod
    async def open(self, people: People) -> None:
        """Buy and give, on the first day."""

    async def act(self, people: People, day: int) -> None:
        """Do what the plan says for a day."""
        if day == OPENING:
            await self.open(people)
            await self._name_accounts(people)
        elif day in CASHING_OUT:
            await self.cash_out(people)

    async def banks_act(self, people: People, day: int) -> bool:
        """
        Let card networks warn, and cardholders dispute what they notice on a day.

        Returns whether there was anything of it.
        """
        warned = self._warned if day == EARLY else []
        noticed = self._noticed.pop(day, [])
        await asyncio.gather(*map(people.warn, warned))
        await asyncio.gather(*map(people.dispute, noticed))
        return bool(warned or noticed)

    async def cash_out(self, people: People) -> None:
        await asyncio.gather(*map(people.cash_out, self.creators))

    def person(self, role: str, *, is_creator: bool = False, **about: object) -> Person:
        made = Person(f"{self.space}-{role}", is_creator=is_creator, **about)  # type: ignore[arg-type]
        (self.creators if is_creator else self.buyers).append(made)
        return made

    async def buy_stolen(self, people: People, buyer: Person, coins: int, card: str) -> None:
        """Buy with a stolen card, if that is sold."""
        day = self.rng.choices(list(NOTICED_OF_100), list(NOTICED_OF_100.values()))[0]
        is_warned = self.rng.randrange(100) < WARNED_OF_100
        if purchase := await self.buy(people, buyer, coins, card, noticed_on=day):
            self._warned += [purchase] * is_warned

    async def buy(
        self, people: People, buyer: Person, coins: int, card: str, *, noticed_on: int | None
    ) -> str | None:
        """Buy with a card, whose owner disputes it on a day, or never."""
        purchase = await people.buy(buyer, coins, f"{self.space}-{card}")
        if purchase is not None and noticed_on is not None:
            self._noticed[noticed_on].append(purchase)
        return purchase

    async def _name_accounts(self, people: People) -> None:
        await asyncio.gather(
            *(
                people.set_payee(creator, f"{self.account_prefix}{number}")
                for number, creator in enumerate(self.creators)
            )
        )


class StolenCards(Crook):
    """Mules with a stolen card each give to accomplices, who stay below what rules look at."""

    name = "stolen cards"

    async def open(self, people: People) -> None:
        accomplices = [self.person(f"accomplice{n}", is_creator=True) for n in range(4)]
        mules = [self.person(f"mule{n}", account_age=NEW) for n in range(8)]

        async def work(number: int, mule: Person) -> None:
            await self.buy_stolen(people, mule, 9_000, f"card{number}")
            await people.give(mule, accomplices[number % len(accomplices)], 9_000)

        await asyncio.gather(*(work(*each) for each in enumerate(mules)))


class RefundAndDispute(Crook):
    """A viewer gives half, has the rest refunded, and disputes everything after the payout."""

    name = "refund and dispute"

    async def open(self, people: People) -> None:
        friend, viewer = self.person("friend", is_creator=True), self.person("viewer")
        for _ in range(2):
            await self.buy(people, viewer, MOST_COINS, "own", noticed_on=LATE)
        await people.give(viewer, friend, MOST_COINS)
        if len(viewer.purchases) > 1:
            await people.refund(viewer, viewer.purchases[1])


class TwoCardsOneCreator(Crook):
    """A second stolen card pays the debt of the first, so that its gifts count again."""

    name = "two cards"

    async def open(self, people: People) -> None:
        self.person("friend", is_creator=True)
        viewer = self.person("viewer")
        await self.buy(people, viewer, MOST_COINS, "first", noticed_on=5)
        await people.give(viewer, self.creators[0], MOST_COINS)

    async def act(self, people: People, day: int) -> None:
        await super().act(people, day)
        if day == NOTICED:
            (viewer,) = self.buyers
            await self.buy(people, viewer, MOST_COINS, "second", noticed_on=LATE)
            await people.give(viewer, self.creators[0], MOST_COINS)


class PayeeTakeover(Crook):
    """With a creator's stolen token the money goes to the thief, until the creator notices."""

    name = "payee takeover"

    def __init__(self, space: str, rng: random.Random, fans: Sequence[Person]) -> None:
        super().__init__(space, rng)
        self._fans = fans
        self.victim = Person(f"{self.space}-victim", is_creator=True)
        # Whoever has the token is the victim, who signed in last night.
        self.thief = Person(self.victim.name, is_creator=True, login_age=timedelta(hours=12))
        self.own_account = f"acct_{self.space}_own".replace("-", "_")

    async def open(self, people: People) -> None:
        async def give(fan: Person) -> None:
            await people.buy(fan, 9_000, fan.name)
            await people.give(fan, self.victim, 9_000)

        await people.set_payee(self.victim, self.own_account)
        await asyncio.gather(*map(give, self._fans))

    async def act(self, people: People, day: int) -> None:
        await super().act(people, day)
        if day == RIPE:
            await people.set_payee(self.thief, f"{self.account_prefix}thief")
            await people.cash_out(self.thief)
        elif day == OWNER_WAKES:
            # Told by `payout.payee_changed`; the token is worth nothing any more.
            await people.set_payee(self.victim, self.own_account)
        elif day == RESTED:
            await people.cash_out(self.victim)

    async def cash_out(self, people: People) -> None:
        """The thief has no creators of their own."""


class QuoteStacking(Crook):
    """Much money of stolen cards at one creator, and several quotes used at the same time."""

    name = "quote stacking"

    async def open(self, people: People) -> None:
        friend = self.person("friend", is_creator=True)
        thieves = [self.person(f"thief{n}") for n in range(5)]

        async def work(thief: Person) -> None:
            for _ in range(3):
                await self.buy_stolen(people, thief, MOST_COINS, thief.name)
            for _ in thief.purchases:
                await people.give(thief, friend, MOST_COINS)

        await asyncio.gather(*map(work, thieves))

    async def cash_out(self, people: People) -> None:
        (friend,) = self.creators
        quotes = [await people.quote(friend) for _ in range(3)]
        await asyncio.gather(*(people.request_payout(friend, quote) for quote in quotes if quote))


class PromoFarming(Crook):
    """New accounts take the coins that come with a first purchase, and pass them on."""

    name = "promo farming"

    async def open(self, people: People) -> None:
        friend = self.person("friend", is_creator=True)
        farmers = [self.person(f"farmer{n}", account_age=NEW) for n in range(4)]

        async def work(farmer: Person) -> None:
            await self.buy(people, farmer, 1_000, farmer.name, noticed_on=None)
            await people.give(farmer, friend, 1_000)

        await asyncio.gather(*map(work, farmers))


class CollusiveRing(Crook):
    """Three give to each other in a circle with their own cards, and dispute after the payout."""

    name = "ring"

    async def open(self, people: People) -> None:
        ring = [self.person(f"member{n}", is_creator=True) for n in range(3)]

        async def work(number: int, member: Person) -> None:
            await self.buy(people, member, MOST_COINS, member.name, noticed_on=LATE)
            await people.give(member, ring[(number + 1) % len(ring)], MOST_COINS)

        await asyncio.gather(*(work(*each) for each in enumerate(ring)))


class AccountFarm(Crook):
    """Many small accounts share one stolen card, whose owner notices late."""

    name = "account farm"

    async def open(self, people: People) -> None:
        friend = self.person("friend", is_creator=True)
        accounts = [self.person(f"account{n}", account_age=NEW) for n in range(8)]

        async def work(account: Person) -> None:
            await self.buy(people, account, 5_000, "shared", noticed_on=LATE)
            await people.give(account, friend, 5_000)

        await asyncio.gather(*map(work, accounts))


def crooks(space: str, seed: int, fans: Sequence[Person]) -> list[Crook]:
    """Return all thieves of one run, each with a chance of its own."""

    def chance(kind: type[Crook]) -> random.Random:
        return random.Random(f"{seed} {kind.__name__}")

    kinds: tuple[type[Crook], ...] = (
        StolenCards,
        RefundAndDispute,
        TwoCardsOneCreator,
        QuoteStacking,
        PromoFarming,
        CollusiveRing,
        AccountFarm,
    )
    takeover = PayeeTakeover(space, chance(PayeeTakeover), fans)
    return [*(kind(space, chance(kind)) for kind in kinds), takeover]
