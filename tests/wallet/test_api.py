"""A wallet is read by its owner, and its books by an operator."""

import pytest

from tests.clients import a_token, an_operator_token, client_of
from tests.wallet.conftest import a_gift_requested, a_purchase_paid


@pytest.fixture
def as_user(app):
    return lambda user, **claims: client_of(app, a_token(user, **claims))


async def test_a_viewer_reads_the_own_balance(as_user, hear):
    await hear(a_purchase_paid(coins=100))
    await hear(a_gift_requested(coins=30))

    async with as_user("mira") as mira:
        mine, named = await mira.get("/v1/wallets/me"), await mira.get("/v1/wallets/mira")

    assert mine.json() == named.json()
    assert mine.json() == {"user": "mira", "coins": 70, "held_coins": 0, "debt_coins": 0}


async def test_somebody_elses_wallet_is_closed(as_user, hear):
    await hear(a_purchase_paid())

    async with as_user("otto") as otto:
        for path in ("/v1/wallets/mira", "/v1/wallets/mira/movements"):
            answer = await otto.get(path)
            assert (answer.status_code, answer.json()["code"]) == (403, "not-yours")


async def test_without_a_token_nothing_is_told(app):
    async with client_of(app) as nobody:
        answer = await nobody.get("/v1/wallets/me")

    assert (answer.status_code, answer.json()["reason"]) == (401, "missing")


async def test_the_wallet_of_a_newcomer_is_empty(as_user):
    async with as_user("newcomer") as newcomer:
        answer = await newcomer.get("/v1/wallets/me")

    nothing = {"coins": 0, "held_coins": 0, "debt_coins": 0}
    assert (answer.status_code, answer.json()) == (200, {"user": "newcomer", **nothing})


async def test_the_history_is_read_page_by_page_without_gaps(as_user, hear):
    await hear(a_purchase_paid(coins=100))
    await hear(*(a_gift_requested(coins=number) for number in range(1, 8)))

    seen, cursor = [], None
    async with as_user("mira") as mira:
        while True:
            params = {"limit": 3} | ({"cursor": cursor} if cursor else {})
            page = (await mira.get("/v1/wallets/me/movements", params=params)).json()
            seen += page["items"]
            if (cursor := page["next_cursor"]) is None:
                break

    assert [line["coins"] for line in seen] == [-7, -6, -5, -4, -3, -2, -1, 100]
    assert seen[0]["balance_coins"] == 72


@pytest.mark.parametrize("cursor", ["nonsense", "WzFd0", "W10", "WyJhIl0", "bnVsbA"])
async def test_an_invented_cursor_is_refused(as_user, cursor):
    async with as_user("mira") as mira:
        answer = await mira.get("/v1/wallets/me/movements", params={"cursor": cursor})

    assert (answer.status_code, answer.json()["code"]) == (400, "bad-cursor")


async def test_the_books_are_for_operators_with_the_scope(app, hear):
    await hear(a_purchase_paid(coins=100))
    await hear(a_gift_requested(coins=30))

    async with client_of(app, an_operator_token("books:read")) as operator:
        books = (await operator.get("/v1/operator/wallet/books")).json()
    assert (books["issued_coins"], books["spent_coins"], books["balances_coins"]) == (100, 30, 70)

    for token in (a_token("mira"), an_operator_token("gifts:write"), a_token(scope="books:read")):
        async with client_of(app, token) as somebody:
            assert (await somebody.get("/v1/operator/wallet/books")).status_code == 403
