"""A viewer who is erased: the wallet has but numbers, and asks for coins that are left."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.wallet.store.invariants import INVARIANTS
from shared.contracts.gift import ErasureRequested, UserErased
from shared.ledger.verification import Violation, verify_ledger
from tests.clients import a_token, client_of
from tests.deliveries import announced
from tests.wallet.conftest import a_gift_requested, a_purchase_paid
from tests.wallet.test_purchase_events import closed, disputed


def an_erasure(*, forfeit=True):
    return UserErased(erasure=uuid4(), user="mira", erased_at=datetime.now(UTC), forfeit=forfeit)


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


async def test_an_erasure_of_a_person_who_gave_nothing_up_moves_no_coin(hear, held, database):
    await hear(a_purchase_paid())
    before = await held()

    await hear(an_erasure(forfeit=False), an_erasure(forfeit=None))

    assert await held() == before
    assert [each["kinds"] for each in await announced(database, "wallet.data_erased")] == [[], []]


async def test_coins_that_were_given_up_are_gone_from_every_page_and_sum(hear, held, database, app):
    await hear(a_purchase_paid(coins=100, bonus_coins=5))
    await hear(a_gift_requested(coins=30))
    erased = an_erasure()

    await hear(erased)
    await hear(erased)

    assert await held() == (0, 0, 0)
    (event,) = await announced(database, "wallet.coins_forfeited")
    assert (event["coins"], event["balance_coins"]) == (75, 0)
    async with client_of(app, a_token("mira")) as mira:
        lots = (await mira.get("/v1/wallets/me/lots")).json()["items"]
        entries = (await mira.get("/v1/wallets/me/movements")).json()["items"]
    assert sum(lot["remaining"] for lot in lots) == 0
    assert sum(lot["forfeited"] for lot in lots) == 75
    assert (entries[0]["kind"], entries[0]["coins"]) == ("forfeit", -75)
    async with client_of(app, a_token("ops", roles=["operator"], scope="books:read")) as ops:
        books = (await ops.get("/v1/operator/wallet/books")).json()
    assert (books["forfeited_coins"], books["balances_coins"], books["lots_coins"]) == (75, 0, 0)
    async with database.snapshot() as tx:
        found = [each async for each in verify_ledger(tx, INVARIANTS)]
    assert [each for each in found if isinstance(each, Violation)] == []


async def test_the_money_of_coins_that_were_given_up_is_released(hear, app):
    await hear(a_purchase_paid(coins=100, amount_minor=99))
    await hear(an_erasure())

    async with client_of(app, a_token("fin", roles=["operator"], scope="finance:read")) as finance:
        (line,) = (await finance.get("/v1/operator/wallet/liability")).json()["items"]
    assert (line["unspent_coins"], line["deferred_minor"], line["released_minor"]) == (0, 0, 99)


async def test_coins_that_come_back_after_they_were_given_up_stay_gone(hear, held):
    paid = a_purchase_paid(coins=100)
    await hear(paid)
    await hear(disputed(paid))
    await hear(an_erasure())

    await hear(closed(paid, won=True))

    assert await held() == (0, 0, 0)


async def test_what_a_person_buys_after_their_erasure_is_theirs(hear, held):
    await hear(a_purchase_paid(coins=100))
    await hear(an_erasure())

    await hear(a_purchase_paid(coins=50))

    assert await held() == (50, 0, 0)


async def test_a_person_without_coins_gives_nothing_up(hear, database):
    await hear(an_erasure())

    assert await announced(database, "wallet.coins_forfeited") == []
