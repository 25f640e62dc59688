"""The acknowledgement of a withdrawal, on a durable medium."""

from datetime import datetime

import pytest

from tests.clients import a_token, client_of
from tests.purchase.wallet_events import coins_held


@pytest.fixture
def acknowledgement(app):
    """Download the acknowledgement of a withdrawal."""

    async def download(purchase, withdrawal, *, viewer="mira"):
        path = f"/v1/purchases/{purchase}/withdrawals/{withdrawal}/acknowledgement"
        async with client_of(app, a_token(viewer)) as client:
            return await client.get(path)

    return download


async def test_the_acknowledgement_says_what_was_stated_and_stays_the_same(
    bought_in, withdraw, acknowledgement, consume, give_back
):
    purchase = await bought_in()
    stated = (await withdraw(purchase)).json()
    received = datetime.fromisoformat(stated["received_at"])

    first = await acknowledgement(purchase, stated["withdrawal"])
    await consume(coins_held(purchase, stated["refund"]["refund"]))
    await give_back()
    later = await acknowledgement(purchase, stated["withdrawal"])

    assert first.status_code == 200
    assert first.headers["content-type"] == "text/html; charset=utf-8"
    assert first.headers["content-disposition"] == 'attachment; filename="withdrawal.html"'
    for part in (
        *("I withdraw from the contract", "Mira Example", "mira@example.com", "525 coins"),
        *("4.99 USD", purchase, stated["withdrawal"], stated["refund"]["refund"]),
        f"{received:%d %B %Y, %H:%M:%S} UTC",
    ):
        assert part in first.text, part
    assert later.text == first.text


async def test_a_name_is_only_text_in_an_acknowledgement(bought_in, withdraw, acknowledgement):
    purchase = await bought_in()
    name = "<script>alert(1)</script>\u202eariM {lines} & \"'"
    stated = (await withdraw(purchase, body={"name": name})).json()

    page = await acknowledgement(purchase, stated["withdrawal"])

    assert "<script" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\u202eariM {lines} &amp;" in page.text
    assert "sandbox" in page.headers["content-security-policy"]


async def test_an_acknowledgement_is_its_viewers_alone(bought_in, withdraw, acknowledgement):
    purchase = await bought_in()
    stated = (await withdraw(purchase)).json()

    others = await acknowledgement(purchase, stated["withdrawal"], viewer="jonas")
    unknown = await acknowledgement(purchase, purchase)

    assert (others.status_code, others.json()["code"]) == (404, "no-such-purchase")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no-such-withdrawal")
