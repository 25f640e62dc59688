"""Servers die and services are killed while gifts are sent: each gift settles exactly once."""

import asyncio

import pytest

from deploy.harness.system import System
from tests.journeys.crowd import Crowd


@pytest.fixture(scope="module")
def own_system():
    """A system of its own, for its servers are killed; what they promised must be on disk."""
    with System() as system:
        yield system


@pytest.fixture
def crowd(own_system):
    crowd = Crowd(own_system)
    crowd.fund()
    return crowd


async def give_while(crowd, strike, *, gifts):
    """Send gifts, and let something happen in the middle of them."""
    giving = asyncio.create_task(crowd.give(gifts))
    while len(crowd.answers) < gifts // 4:
        assert not giving.done() or giving.exception() is None
        await asyncio.sleep(0.02)
    await asyncio.to_thread(strike)
    await giving


def assert_each_finished_once(crowd, gifts):
    assert len(crowd.answers) == gifts
    assert set(crowd.answers.values()) == {201}
    crowd.wait_until(crowd.agree)
    assert crowd.dead_letters() == {}


async def test_a_broker_that_dies_stops_nothing_that_was_accepted(own_system, crowd):
    def kill_and_start():
        own_system.rabbit.kill()
        own_system.rabbit.start()

    await give_while(crowd, kill_and_start, gifts=300)

    await asyncio.to_thread(assert_each_finished_once, crowd, 300)


async def test_a_database_that_dies_is_waited_for_and_nothing_is_dead_lettered(own_system, crowd):
    def kill_and_start():
        own_system.postgres.kill()
        own_system.postgres.start()

    await give_while(crowd, kill_and_start, gifts=300)

    await asyncio.to_thread(assert_each_finished_once, crowd, 300)


async def test_services_killed_in_the_middle_of_a_thousand_gifts_lose_and_repeat_none(
    own_system, crowd
):
    def kill_all_in_turn():
        for name in ("gift", "wallet", "payout", "live", "gift"):
            own_system.kill(name)
            own_system.start(name)

    await give_while(crowd, kill_all_in_turn, gifts=1_000)

    await asyncio.to_thread(assert_each_finished_once, crowd, 1_000)
