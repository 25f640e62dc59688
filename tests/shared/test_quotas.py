"""What somebody may do so many times in a time, they do so many times, also at once."""

import asyncio

import pytest
from asyncpg import CheckViolationError

from deploy.config.services import DATABASES
from shared.postgres.statements import text
from shared.quotas import store as quotas
from shared.quotas.rules import DAY, HOUR, Quota, TooOften

QUOTA = Quota("paintings", 3, HOUR)


@pytest.fixture(params=DATABASES)
def database(request, database_of):
    return database_of(request.param)


async def use(database, user="mira", quota=QUOTA):
    async with database.transaction() as tx:
        await quotas.use(tx, user, quota)


async def used(database):
    async with database.transaction() as tx:
        return dict(list(await tx.execute(text("SELECT user_id, used FROM quotas"))))


async def age(database, seconds):
    async with database.transaction() as tx:
        statement = "UPDATE quotas SET began_at = began_at - make_interval(secs => :seconds)"
        await tx.execute(text(statement), {"seconds": float(seconds)})


async def test_of_many_at_once_so_many_pass(database):
    outcomes = await asyncio.gather(*(use(database) for _ in range(8)), return_exceptions=True)

    assert [type(each) for each in outcomes if each is not None] == [TooOften] * 5
    assert await used(database) == {"mira": 3}


async def test_another_person_and_another_act_have_their_own(database):
    for _ in range(3):
        await use(database)
    await use(database, "noa")
    await use(database, quota=Quota("sculptures", 1, HOUR))
    with pytest.raises(TooOften):
        await use(database)


async def test_a_refusal_says_when_to_come_again_and_then_it_passes(database):
    for _ in range(3):
        await use(database)
    await age(database, HOUR - 60)
    with pytest.raises(TooOften) as refused:
        await use(database)
    facts = refused.value.facts
    assert 0 < facts.pop("retry_after_seconds") <= 60
    assert facts == {"act": "paintings", "count_max": 3, "period_seconds": HOUR}

    await age(database, 60)
    await use(database)
    assert await used(database) == {"mira": 1}


async def test_what_is_rolled_back_does_not_count(database):
    async def fail():
        async with database.transaction() as tx:
            await quotas.use(tx, "mira", QUOTA)
            raise ZeroDivisionError

    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            await fail()
    assert await used(database) == {}


async def test_what_is_over_is_forgotten(database):
    await use(database)
    async with database.transaction() as tx:
        assert not await quotas.forget_old(tx)
    assert await used(database) == {"mira": 1}
    await age(database, 3 * DAY)
    async with database.transaction() as tx:
        assert not await quotas.forget_old(tx)
    assert await used(database) == {}


async def test_a_count_is_never_nothing(database):
    async with database.transaction() as tx:
        with pytest.raises(CheckViolationError, match="quota_is_counted"):
            await tx.execute(text("INSERT INTO quotas VALUES ('mira', 'paintings', now(), 0)"))
