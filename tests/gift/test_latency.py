"""How long gifts take is told by the minute, out of a few of each."""

from datetime import UTC, datetime, timedelta

import pytest

from services.gift.commands import latency as commands
from services.gift.domain.latency import percentile
from tests.clients import a_token, client_of
from tests.gift.conftest import paid, refused
from tests.parts import in_every_part

MINUTE = timedelta(minutes=1)


@pytest.fixture
def now():
    return datetime.now(UTC).replace(second=30, microsecond=0)


@pytest.fixture
def gift_that_took(ask, wallet_says, database):
    """A gift that was decided at a moment, so many milliseconds after its request."""

    async def make(milliseconds, at, *, outcome=paid, attempt=1):
        gift = (await ask()).json()["gift"]
        await wallet_says(outcome(gift))
        await in_every_part(
            database,
            "UPDATE gifts SET decided_at = CAST(:at AS timestamptz), attempt = :attempt,"
            " requested_at = CAST(:requested_at AS timestamptz) WHERE id = CAST(:gift AS uuid)",
            at=at,
            requested_at=at - timedelta(milliseconds=milliseconds),
            gift=gift,
            attempt=attempt,
        )

    return make


@pytest.fixture
def latency(database, now):
    async def read():
        found = await commands.read_latency(database, now=now)
        return [(each.minute, each.gifts, each.p50_ms, each.p95_ms) for each in found]

    return read


async def test_a_minute_has_what_half_and_nearly_all_gifts_took(gift_that_took, latency, now):
    minute = now.replace(second=0) - 5 * MINUTE
    for milliseconds in (20, 30, 400):
        await gift_that_took(milliseconds, minute + timedelta(seconds=10))
    await gift_that_took(50, minute + MINUTE, outcome=refused)

    assert await latency() == [(minute, 3, 30, 400), (minute + MINUTE, 1, 50, 50)]


async def test_what_is_older_than_an_hour_or_of_this_minute_is_not_told(
    gift_that_took, latency, now
):
    minute = now.replace(second=0)
    for moment in (minute, minute - timedelta(seconds=1), minute - 60 * MINUTE):
        await gift_that_took(20, moment)
    await gift_that_took(20, minute - 61 * MINUTE)

    assert [moment for moment, *_ in await latency()] == [minute - 60 * MINUTE, minute - MINUTE]


async def test_a_gift_that_was_requested_again_tells_nothing_of_how_fast_gifts_are(
    gift_that_took, latency, now
):
    await gift_that_took(600_000, now - 2 * MINUTE, attempt=2)

    assert await latency() == []


async def test_of_a_minute_no_more_gifts_are_looked_at_than_tell_its_times(
    gift_that_took, latency, now, monkeypatch
):
    monkeypatch.setattr(commands, "GIFTS_MAX", 2)
    for _ in range(3):
        await gift_that_took(20, now - 2 * MINUTE)

    ((_, gifts, *_),) = await latency()
    assert gifts == 2


def test_a_percentile_is_one_of_the_times():
    assert percentile([7], 0.95) == 7
    assert percentile(range(1, 101), 0.5) == 50
    assert percentile(range(1, 101), 0.95) == 95


async def test_operators_with_the_scope_read_it_and_others_do_not(app, gift_that_took):
    await gift_that_took(20, datetime.now(UTC) - 2 * MINUTE)
    async with client_of(app, a_token("ops", roles=["operator"], scope="books:read")) as client:
        answer = await client.get("/v1/operator/gift/latency")
    async with client_of(app, a_token("ben", roles=["operator"], scope="audit:read")) as client:
        refused_one = await client.get("/v1/operator/gift/latency")

    (minute,) = answer.json()["minutes"]
    assert (minute["gifts"], minute["p50_ms"], minute["p95_ms"]) == (1, 20, 20)
    assert refused_one.status_code == 403
