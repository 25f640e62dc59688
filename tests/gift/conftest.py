"""The gift service in a test's words: ask for gifts, and let the wallet answer."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from services.gift import consumers
from services.gift.commands.catalogue import CatalogueCache
from services.gift.commands.combos import end_combos
from services.gift.commands.pending_replies import PendingReplies
from services.gift.commands.requests import GiftRequest
from services.gift.domain.gifts import GiftDetails
from services.gift.main import build_http, read_catalogue
from shared.contracts.routes import QUEUES
from shared.contracts.wallet import GiftPaid, GiftPaymentRefused, LotKind, Slice
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, an_operator_token, client_of
from tests.databases import another
from tests.deliveries import a_broker, a_delivery

BASE = "/v1/operator/gifts/catalogue"
CATALOGUE = read_catalogue(Path("seeds/gifts.toml"))
PEBBLE = {"gift_type": "g_pebble"}


@pytest.fixture
def pending_replies(database):
    return PendingReplies(database)


@pytest.fixture
def catalogue_cache(database):
    return CatalogueCache(database, CATALOGUE)


@pytest.fixture
def app(database, catalogue_cache, pending_replies):
    # Here is no live service that tells of rooms: what depends on them opens one by itself.
    return build_http(
        database, a_verifier(), catalogue_cache, pending_replies, anybody_may_receive=True
    )


@pytest.fixture
async def mira(app):
    async with client_of(app, a_token("mira")) as client:
        yield client


@pytest.fixture
def ask(mira):
    """Ask for a gift; with `at_once` the answer is not waited for."""

    async def post(*, key=None, at_once=True, **fields):
        headers = {"Idempotency-Key": key or str(uuid4())}
        if at_once:
            headers["Prefer"] = "respond-async"
        body = {"gift_type": "g_tea", "creator": "lea", "room": "room-1", **fields}
        return await mira.post("/v1/gifts", json=body, headers=headers)

    return post


@pytest.fixture
def hear(database, catalogue_cache, pending_replies):
    """Let the gift service hear what others decided, as one batch a queue."""
    queues = consumers.build(
        database, a_broker("gift"), catalogue_cache=catalogue_cache, resolve=pending_replies.resolve
    )

    async def hear_all(*events):
        for consumer in queues:
            mine = [event for event in events if type(event) in QUEUES[consumer.queue]]
            if mine:
                await consumer.receive([a_delivery(event) for event in mine])

    return hear_all


@pytest.fixture
def wallet_says(hear):
    """Let the gift service hear what the wallet decided."""
    return hear


@pytest.fixture
def pass_time(database):
    """Let so many seconds pass for every combo, and let the job end once."""

    async def let_pass(seconds, *, end=True):
        async with database.transaction() as tx:
            await tx.execute(
                text(
                    "UPDATE combos SET last_requested_at = last_requested_at"
                    " - make_interval(secs => CAST(:seconds AS double precision))"
                ),
                {"seconds": seconds},
            )
        if end:
            async with database.transaction() as tx:
                assert not await end_combos(tx, CATALOGUE)

    return let_pass


@pytest.fixture
def tap(ask):
    """Ask for a gift at once, and return it."""

    async def tap_once(**body):
        return (await ask(**{**PEBBLE, **body})).json()

    return tap_once


@pytest.fixture
async def instances(database):
    """Two instances of the service on one database, each with connections of its own."""
    opened = [another(database, pool_size=4) for _ in range(2)]
    yield opened
    for each in opened:
        await each.close()


def a_request(viewer, creator, *, count=1):
    """A Pebble Heart in a room, as the intake takes it."""
    details = GiftDetails(
        viewer=viewer, creator=creator, room="room-1", gift_type="g_pebble", count=count
    )
    return GiftRequest(CATALOGUE.price_gift(details), uuid4().hex, b"same", "story")


def paid(gift, *, viewer="mira", coins=5):
    piece = Slice(lot=uuid4(), kind=LotKind.PAID, coins=coins, diamond_rate_bp=10_000)
    return GiftPaid(viewer=viewer, gift=gift, coins=coins, slices=(piece,), balance_coins=95)


def refused(gift, *, viewer="mira", coins=5, reason="insufficient-coins"):
    return GiftPaymentRefused(
        viewer=viewer, gift=gift, coins=coins, reason=reason, shortfall_coins=3, balance_coins=2
    )


@pytest.fixture
async def operator(app):
    token = an_operator_token("catalogue:write", "audit:read")
    async with client_of(app, token) as client:
        yield client


@pytest.fixture
def change(operator):
    """Change some of a gift, as an operator who just looked at it."""

    async def patch(gift_type, *, preview=False, revision=None, **fields):
        if revision is None:
            revision = (await operator.get(f"{BASE}/{gift_type}")).json()["revision"]
        # As strangers may write it: with what is no JSON, and with halves of characters.
        body = json.dumps({"revision": revision, "reason": "a test", **fields})
        headers = {"Content-Type": "application/json"}
        return await operator.patch(
            f"{BASE}/{gift_type}", content=body, headers=headers, params={"preview": preview}
        )

    return patch
