"""Webhooks: signed, repeated under one id until they are delivered, and never in anybody's way."""

import asyncio
import json
import socket
import time

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.sandbox import webhooks
from services.sandbox.webhooks import Webhooks
from tests.sandbox.conftest import (
    PAYMENTS_HOST,
    SECONDS_MAX,
    TRANSFERS_HOST,
    TRANSFERS_SECRET,
    WEBHOOK_SECRET,
)

GOOD_CARD = "4242 4242 4242 4242"


async def test_a_webhook_is_signed_over_exactly_what_was_sent(
    asked, pay, delivered, receiver, signed
):
    payment = await asked(description="Café, 100 コイン")
    await pay(payment, GOOD_CARD)
    (event,) = await delivered(1)
    (request,) = receiver.deliveries

    assert signed(request) == event
    assert event["id"].startswith("evt_")
    assert request.headers["webhook-id"] == event["id"]
    assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 5
    assert set(event) == {"id", "type", "created_at", "data"}


async def test_a_changed_webhook_does_not_verify(asked, pay, delivered, receiver):
    await pay(await asked(), GOOD_CARD)
    await delivered(1)
    (request,) = receiver.deliveries
    forged = request.content.replace(b'"amount_minor":499', b'"amount_minor":999')

    assert forged != request.content
    with pytest.raises(WebhookVerificationError):
        Webhook(WEBHOOK_SECRET).verify(forged, dict(request.headers))


async def test_payments_and_transfers_go_to_their_own_receivers(
    asked, pay, payroll, delivered, receiver, signed
):
    await pay(await asked(), GOOD_CARD)
    wanted = {"amount_minor": 1, "currency": "USD", "destination": "acct_ok", "reference": "a"}
    await payroll.post("/transfers", json=wanted, headers={"Idempotency-Key": "a"})
    await delivered(2)

    hosts = [request.url.host for request in receiver.deliveries]
    assert hosts == [PAYMENTS_HOST, TRANSFERS_HOST]
    for request in receiver.deliveries:
        assert signed(request)
    # One secret cannot sign for the other.
    _, transfer = receiver.deliveries
    with pytest.raises(WebhookVerificationError):
        Webhook(WEBHOOK_SECRET).verify(transfer.content, dict(transfer.headers))


@pytest.mark.parametrize(
    "trouble", [500, 404, 302, httpx.ConnectError("refused"), httpx.ReadTimeout("slow")], ids=repr
)
async def test_a_webhook_is_sent_again_under_its_id_until_it_is_heard(
    asked, pay, delivered, receiver, signed, trouble
):
    receiver.answers = [trouble, trouble]
    await pay(await asked(), GOOD_CARD)

    first, _, last = await delivered(3)
    await asyncio.sleep(0.1)

    assert first == last
    assert len({request.headers["webhook-id"] for request in receiver.deliveries}) == 1
    assert len({request.content for request in receiver.deliveries}) == 1
    assert all(map(signed, receiver.deliveries))
    assert len(receiver.deliveries) == 3


async def test_retries_grow_and_end(asked, pay, delivered, receiver, monkeypatch):
    waits = webhooks.RETRY_SECONDS
    assert list(waits) == sorted(waits)
    assert (waits[0], waits[-1], len(waits) + 1) == (0.2, 30, 12)
    monkeypatch.setattr(webhooks, "RETRY_SECONDS", (0.01, 0.01))
    receiver.answers = [500] * 9

    await pay(await asked(), GOOD_CARD)

    await delivered(3)
    await asyncio.sleep(0.1)
    assert len(receiver.deliveries) == 3


async def test_a_retry_tells_what_was_true_when_it_happened(asked, pay, shop, delivered, receiver):
    """The payment goes on while its first webhook is still being refused."""
    receiver.answers = [500]
    payment = await asked()
    await pay(payment, GOOD_CARD)
    await delivered(1)
    await shop.post(f"/payments/{payment['id']}/disputes", json={})

    events = await delivered(3)

    succeeded = [event for event in events if event["type"] == "payment.succeeded"]
    assert [event["data"]["object"]["disputes"] for event in succeeded] == [[], []]


async def test_a_receiver_that_hangs_holds_up_neither_the_api_nor_too_many_slots(
    asked, pay, receiver, read
):
    receiver.open.clear()
    payments = [await asked(f"key-{n}", reference=f"purchase-{n}") for n in range(50)]

    async with asyncio.timeout(SECONDS_MAX):
        await asyncio.gather(*(pay(payment, GOOD_CARD) for payment in payments))
        while receiver.waiting < webhooks.CONCURRENT_MAX:
            await asyncio.sleep(0.01)
    assert (await read(payments[49]))["status"] == "succeeded"
    receiver.open.set()
    async with asyncio.timeout(SECONDS_MAX):
        while len(receiver.deliveries) < 50:
            await asyncio.sleep(0.01)

    assert receiver.waiting_most == webhooks.CONCURRENT_MAX
    assert len({request.headers["webhook-id"] for request in receiver.deliveries}) == 50


async def test_a_receiver_that_never_answers_is_given_up_and_asked_again(
    asked, pay, delivered, receiver, monkeypatch
):
    """This receiver knows nothing of the client's timeouts, like one that drips its answer."""
    monkeypatch.setattr(webhooks, "ANSWER_SECONDS_MAX", 0.05)
    receiver.open.clear()
    await pay(await asked(), GOOD_CARD)

    first, again = await delivered(2)

    assert first == again


async def test_events_are_listed_and_can_be_delivered_again(asked, pay, shop, delivered, receiver):
    await pay(await asked(), GOOD_CARD)
    (event,) = await delivered(1)
    assert (await shop.get("/events")).json() == {"items": [event]}

    answer = await shop.post(f"/events/{event['id']}/redeliver")

    assert (answer.status_code, answer.json()) == (202, event)
    assert await delivered(2) == [event, event]
    first, again = receiver.deliveries
    assert first.headers["webhook-id"] == again.headers["webhook-id"]


@pytest.fixture
async def listener():
    """A real server on a real port; returns its address and what arrived there."""
    app, arrived = FastAPI(), []

    @app.post("/webhooks")
    async def receive(request: Request):
        arrived.append((dict(request.headers), await request.body()))
        return Response(status_code=503 if len(arrived) == 1 else 204)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/webhooks", arrived
        server.should_exit = True
        await serving


async def test_over_a_real_network_a_webhook_arrives_as_it_was_signed(listener):
    url, arrived = listener
    sender = Webhooks(
        payments_secret=WEBHOOK_SECRET,
        transfers_secret=TRANSFERS_SECRET,
        payments_url=url,
        transfers_url=url,
    )

    sender.publish("payment.succeeded", {"id": "pay_1", "description": "コイン"})
    async with asyncio.timeout(SECONDS_MAX):
        while len(arrived) < 2:
            await asyncio.sleep(0.01)
    await sender.close()

    for headers, body in arrived:
        assert Webhook(WEBHOOK_SECRET).verify(body, headers) == json.loads(body)
    assert len({headers["webhook-id"] for headers, _ in arrived}) == 1
