"""Operators read a creator's diamonds, and find out whose a payout is."""

from uuid import uuid4

from tests.clients import a_token, client_of
from tests.payout.conftest import PAYEE, a_gift_sent

CREATOR = "/v1/operator/payout/creators/lea"


def operator(lea, name="ann", scope="disputes:read"):
    return client_of(lea.app, a_token(name, roles=["operator"], scope=scope))


async def pay_out(lea):
    await lea.put(PAYEE, json={"destination": "acct_ok_lea"})
    quote = (await lea.post("/v1/payouts/quotes", json={})).json()["quote"]
    headers = {"Idempotency-Key": uuid4().hex}
    return (await lea.post("/v1/payouts", json={"quote": quote}, headers=headers)).json()["payout"]


async def test_a_creators_diamonds_are_what_the_creator_sees_and_gifts_name_the_viewer(lea, hear):
    await hear(a_gift_sent(3_000, anonymous=True))
    own = (await lea.get("/v1/earnings/me")).json()

    async with operator(lea) as ann:
        assert (await ann.get(f"{CREATOR}/earnings")).json() == own
        (gift,) = (await ann.get(f"{CREATOR}/gifts")).json()["items"]
    assert (gift["viewer"], gift["diamonds"]) == ("mira", own["lifetime_diamonds"])


async def test_a_payout_is_found_by_its_id_but_not_by_its_creator(lea, hear):
    await hear(a_gift_sent(3_000))
    payout = await pay_out(lea)
    path = f"/v1/operator/payout/payouts/{payout}"

    async with operator(lea) as ann:
        assert (await ann.get(path)).json() == {"creator": "lea", "payout": payout}
        assert (await ann.get(f"/v1/operator/payout/payouts/{uuid4()}")).status_code == 404
        shown = (await ann.get(f"{CREATOR}/payouts/{payout}")).json()
    assert shown == (await lea.get(f"/v1/payouts/{payout}")).json()
    async with operator(lea, "lea") as own, operator(lea, scope="books:read") as other:
        assert (await own.get(path)).json()["code"] == "own-money"
        assert (await other.get(path)).json()["code"] == "scope-missing"
