"""Transfers: what each destination does with the money, and when."""

import asyncio

import pytest

from services.sandbox import api


@pytest.fixture
def send(payroll):
    """Order a transfer to a destination."""

    async def order(destination="acct_ok_lea", key="attempt-1", **about):
        wanted = {"amount_minor": 1000, "currency": "USD", "destination": destination}
        wanted |= {"reference": "attempt-1", **about}
        return await payroll.post("/transfers", json=wanted, headers={"Idempotency-Key": key})

    return order


@pytest.mark.parametrize("destination", ["acct_ok", "acct_ok_lea", "acct_nobody", "DE00 1234"])
async def test_a_transfer_is_submitted_and_arrives(send, read, delivered, destination):
    answer = await send(destination)

    transfer = answer.json()
    assert answer.status_code == 201
    assert transfer["id"].startswith("tr_")
    assert transfer["status"] == "submitted"
    (event,) = await delivered(1)
    assert event["type"] == "transfer.paid"
    assert event["data"]["object"] == await read(transfer)
    assert (await read(transfer))["status"] == "paid"


async def test_a_transfer_to_a_closed_account_fails_with_a_reason(send, read, delivered):
    transfer = (await send("acct_fail_otto")).json()

    assert [event["type"] for event in await delivered(1)] == ["transfer.failed"]
    failed = await read(transfer)
    assert (failed["status"], failed["reason"]) == ("failed", "account_closed")


async def test_a_transfer_may_arrive_and_come_back(send, read, delivered):
    transfer = (await send("acct_return_otto")).json()

    events = await delivered(2)

    assert [event["type"] for event in events] == ["transfer.paid", "transfer.returned"]
    assert [event["data"]["object"]["status"] for event in events] == ["paid", "returned"]
    assert (await read(transfer))["status"] == "returned"


async def test_a_silent_provider_has_made_the_transfer_all_the_same(send, payroll, delivered):
    """After a timeout the caller must ask: the money is on its way."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await send("acct_timeout_lea")

    found = await payroll.get("/transfers", params={"reference": "attempt-1"})
    assert [transfer["amount_minor"] for transfer in found.json()["items"]] == [1000]
    assert [event["type"] for event in await delivered(1)] == ["transfer.paid"]


async def test_a_silent_provider_answers_in_the_end(send, monkeypatch):
    assert api.SILENCE_SECONDS == 30
    monkeypatch.setattr(api, "SILENCE_SECONDS", 0.05)

    assert (await send("acct_timeout_lea")).status_code == 201


async def test_a_transfer_ordered_twice_is_made_once(send, payroll, delivered, receiver):
    first, again = await send(), await send()

    assert first.json()["id"] == again.json()["id"]
    found = await payroll.get("/transfers", params={"reference": "attempt-1"})
    assert len(found.json()["items"]) == 1
    await delivered(1)
    await asyncio.sleep(0.3)
    assert receiver.types == ["transfer.paid"]


@pytest.mark.parametrize(
    "other",
    [
        {"amount_minor": 1001},
        {"currency": "EUR"},
        {"destination": "acct_ok_otto"},
        {"reference": "attempt-2"},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_a_used_key_refuses_any_other_transfer(send, other):
    await send()

    answer = await send(**other)

    assert (answer.status_code, answer.json()["code"]) == (422, "key-reused")


async def test_a_key_of_a_payment_may_be_the_key_of_a_transfer(asked, send):
    await asked("the-same-key")

    assert (await send(key="the-same-key")).status_code == 201
