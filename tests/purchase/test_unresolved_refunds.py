"""Refunds of which nobody knows the end: an operator sees them, and declines what never went."""

from uuid import uuid4

import pytest

from tests.clients import a_token, client_of


@pytest.fixture
async def ann(app):
    token = a_token("ann", roles=["operator"], scope="refunds:write disputes:read")
    async with client_of(app, token) as client:
        yield client


@pytest.fixture
def lost(refund_requested, give_back, age_refunds, pretend):
    """A refund that was sent a day ago, and never answered."""

    async def lose():
        purchase = await refund_requested()
        pretend.mood = "silent"
        await give_back()
        pretend.mood = "well"
        await age_refunds(hours=25)
        await give_back()
        return purchase

    return lose


def decline(client, purchase, refund, **about):
    path = f"/v1/operator/purchases/mira/{purchase}/refunds/{refund}/decline"
    return client.post(path, json={"reason": "not in the dashboard", **about})


async def test_an_operator_sees_a_refund_nobody_knows_the_end_of_and_declines_it_once(
    *, ann, lost, give_back, pretend, event_names, rows
):
    purchase = await lost()
    (shown,) = (await ann.get("/v1/operator/purchase/refunds")).json()["items"]
    assert (shown["purchase"], shown["amount_minor"]) == (purchase, 499)
    assert shown["payment"] == pretend.payment_of(purchase)["id"]

    for _ in range(2):
        answer = await decline(ann, purchase, shown["refund"])
        assert (answer.status_code, answer.json()["reason"]) == (200, "unresolved")
    await give_back()

    assert await event_names() == ["refund_requested", "refund_declined"]
    assert await rows("SELECT operator, action FROM audit WHERE action <> 'read'") == [
        {"operator": "ann", "action": "refund.declined"}
    ]
    assert (await ann.get("/v1/operator/purchase/refunds")).json()["items"] == []


async def test_what_was_declined_by_a_person_and_went_after_all_is_found(
    ann, lost, give_back, age_refunds, pretend, event_names
):
    purchase = await lost()
    (shown,) = (await ann.get("/v1/operator/purchase/refunds")).json()["items"]
    await decline(ann, purchase, shown["refund"])
    pretend.payment_of(purchase)["refunded_minor"] = 499

    await age_refunds(hours=1)
    await give_back()

    assert (await event_names())[-2:] == ["disputed", "dispute_closed"]


async def test_a_refund_that_can_still_be_decided_by_the_provider_is_no_persons_decision(
    ann, refund_requested, give_back, refund_of
):
    purchase = await refund_requested()
    refund = (await refund_of(purchase))["refund"]

    for _ in range(2):
        refused = await decline(ann, purchase, refund)
        assert (refused.status_code, refused.json()["code"]) == (409, "refund-resolvable")
        await give_back()


async def test_nobody_declines_what_is_not_there_or_without_the_right(app, ann, lost, refund_of):
    purchase = await lost()
    refund = (await refund_of(purchase))["refund"]
    assert (await decline(ann, purchase, uuid4())).json()["code"] == "no-such-refund"
    assert (await decline(ann, uuid4(), refund)).json()["code"] == "no-such-refund"

    async with client_of(app, a_token("mira")) as mira:
        assert (await decline(mira, purchase, refund)).status_code == 403
        assert (await mira.get("/v1/operator/purchase/refunds")).status_code == 403
