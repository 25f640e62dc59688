"""A viewer who is erased: the wallet has but numbers, and asks for coins that are left."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from shared.contracts.gift import ErasureRequested, UserErased
from tests.deliveries import announced
from tests.wallet.conftest import a_purchase_paid


@pytest.fixture
def obstacles(hear, database):
    async def ask(*, forfeit=False):
        await hear(ErasureRequested(erasure=uuid4(), user="mira", forfeit=forfeit))
        return (await announced(database, "wallet.erasure_checked"))[-1]["obstacles"]

    return ask


async def test_coins_that_are_left_are_an_obstacle_unless_they_are_given_up(hear, obstacles):
    assert await obstacles() == []
    await hear(a_purchase_paid())

    assert await obstacles() == ["coins-left"]
    assert await obstacles(forfeit=True) == []


async def test_an_erasure_moves_no_coin(hear, held, database):
    await hear(a_purchase_paid())
    before = await held()

    await hear(UserErased(erasure=uuid4(), user="mira", erased_at=datetime.now(UTC)))

    assert await held() == before
    assert [each["kinds"] for each in await announced(database, "wallet.data_erased")] == [[]]
