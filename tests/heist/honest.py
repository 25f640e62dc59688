"""Honest people, who must not pay for the thieves: fans and creators that are there for long."""

import asyncio

from tests.heist.days import OPENING, RIPE
from tests.heist.people import NEW, People, Person

CREATORS, FANS_EACH = 3, 5
# What one fan gives, and what the greatest of them gives a creator who has few others.
COINS, MOST_COINS = 4_000, 25_000
NEWCOMERS = 3


class Honest:
    """Fans with a card of their own, and creators with several fans, one great fan, or new ones."""

    def __init__(self) -> None:
        self.fans = [Person(f"fan{n}") for n in range(CREATORS * FANS_EACH)]
        self.creators = [Person(f"creator{n}", is_creator=True) for n in range(CREATORS)]
        self.great_fan = Person("great-fan")
        self.favourite = Person("favourite", is_creator=True)
        self.newcomers: list[Person] = []

    async def prepare(self, people: People) -> None:
        """Let fans have paid, and creators have named their accounts, long before it begins."""
        paid = (people.buy(fan, 100, fan.name) for fan in [*self.fans, self.great_fan])
        await asyncio.gather(*paid)
        await asyncio.gather(*(self._name_account(people, each) for each in self.established))

    @property
    def established(self) -> list[Person]:
        return [*self.creators, self.favourite]

    @property
    def all_creators(self) -> list[Person]:
        return [*self.established, *self.newcomers]

    async def act(self, people: People, day: int, space: str) -> None:
        if day == OPENING:
            await self._give(people, space)
        elif day == RIPE:
            await asyncio.gather(*map(people.cash_out, self.all_creators))

    async def _give(self, people: People, space: str) -> None:
        newcomer = Person(f"{space}-newcomer", is_creator=True)
        self.newcomers = [newcomer]
        await self._name_account(people, newcomer)
        new_fans = [Person(f"{space}-new-fan{n}", account_age=NEW) for n in range(NEWCOMERS)]

        async def give(fan: Person, creator: Person, coins: int) -> None:
            await people.buy(fan, coins, fan.name)
            await people.give(fan, creator, coins)

        gifts = [
            *(
                give(fan, self.creators[number % CREATORS], COINS)
                for number, fan in enumerate(self.fans)
            ),
            give(self.great_fan, self.favourite, MOST_COINS),
            *(give(fan, newcomer, 1_000) for fan in new_fans),
        ]
        await asyncio.gather(*gifts)
        # Some fans like two creators.
        await asyncio.gather(*(give(fan, self.favourite, 2_000) for fan in self.fans[:5]))

    async def _name_account(self, people: People, creator: Person) -> None:
        await people.set_payee(creator, f"acct_{creator.name}".replace("-", "_"))
