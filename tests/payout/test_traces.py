"""The trace of a payout: each diamond and each cent has the gift and the lot that it was."""

from uuid import uuid4

import pytest

from shared.postgres.statements import text
from tests.clients import an_operator_token, client_of
from tests.payout.conftest import PAYEE, a_gift_sent


@pytest.fixture
def trace(lea):
    """Read the trace of a payout as an operator, page by page."""

    async def read(payout, *, limit, scope="payouts:review"):
        pages, cursor = [], None
        async with client_of(lea.app, an_operator_token(scope)) as operator:
            while True:
                query = {"limit": limit, **({"cursor": cursor} if cursor else {})}
                path = f"/v1/operator/payouts/lea/{payout}/trace"
                answer = await operator.get(path, params=query)
                assert answer.status_code == 200, answer.text
                pages.append(answer.json())
                if (cursor := pages[-1]["next_cursor"]) is None:
                    return pages

    return read


@pytest.fixture
def pay_out(lea):
    async def ask(diamonds):
        await lea.put(PAYEE, json={"destination": "acct_ok_lea"})
        quote = (await lea.post("/v1/payouts/quotes", json={"diamonds": diamonds})).json()
        headers = {"Idempotency-Key": uuid4().hex}
        answer = await lea.post("/v1/payouts", json={"quote": quote["quote"]}, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return ask


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_all_pages_add_up_to_the_payout_to_the_cent(hear, pay_out, trace, limit):
    gifts = [a_gift_sent(coins, viewer=f"viewer-{coins}") for coins in (333, 667, 1_001, 2_000)]
    for gift in gifts:
        await hear(gift)
    payout = await pay_out(3_000)

    pages = await trace(payout["payout"], limit=limit)

    parts = [part for page in pages for part in page["items"]]
    assert [part["diamonds"] for part in parts] == [333, 667, 1_001, 999]
    assert sum(part["amount_minor"] for part in parts) == payout["amount_minor"]
    assert [part["gift"] for part in parts] == [str(gift.gift) for gift in gifts]
    assert [part["lot"] for part in parts] == [str(gift.slices[0].lot) for gift in gifts]
    assert [part["viewer"] for part in parts] == [gift.viewer for gift in gifts]
    assert pages[-1]["traced_diamonds"] == payout["diamonds"] == 3_000


async def test_two_payouts_are_of_different_diamonds(hear, pay_out, trace, database):
    first_gift, second_gift = a_gift_sent(3_000), a_gift_sent(3_000)
    await hear(first_gift)
    await hear(second_gift)
    await pay_out(2_500)
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text("UPDATE payouts SET state = 'paid'"))
    second = await pay_out(2_500)

    (page,) = await trace(second["payout"], limit=10)

    assert [(part["gift"], part["diamonds"]) for part in page["items"]] == [
        (str(first_gift.gift), 500),
        (str(second_gift.gift), 2_000),
    ]


@pytest.mark.parametrize("cursor", ["WzEwMDAwMF0", "Wy0xXQ", "nonsense"])
async def test_an_invented_cursor_is_refused(hear, pay_out, lea, cursor):
    await hear(a_gift_sent(3_000))
    payout = (await pay_out(3_000))["payout"]
    async with client_of(lea.app, an_operator_token("payouts:review")) as operator:
        path = f"/v1/operator/payouts/lea/{payout}/trace"
        answer = await operator.get(path, params={"cursor": cursor})

    assert answer.status_code in (400, 404)
