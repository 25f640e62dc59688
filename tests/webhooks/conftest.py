"""The webhooks service in a test's words: teams have endpoints, events arrive, workers deliver."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import pytest

from deploy.config.databases import run_sql
from services.webhooks import consumers
from services.webhooks.domain.deliveries import RetryPolicy
from services.webhooks.jobs.worker import DeliveryWorker, Limits
from services.webhooks.main import build_http
from shared.http.public_addresses import AddressPolicy
from shared.http.public_client import Destinations, PublicClient
from shared.keyring import Keyring, new_key
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, an_operator_token, client_of
from tests.deliveries import a_broker, a_delivery
from tests.live.conftest import a_gift_sent, a_reversal
from tests.webhooks.receivers import Receiver

SOON_SECONDS = 60
LOOPBACK = Destinations(AddressPolicy.of((), loopback=True), loopback=True)
# As in production, in hundredths of the time.
QUICK = RetryPolicy(first_seconds=0.05, factor=1.5, seconds_max=0.2, lease_seconds=3.0)
GIFT_EVENTS = ("gift.sent", "gift.reversed")
URL = "https://hooks.example/events"
ENDPOINTS_PATH = "/v1/teams/me/endpoints"
WISH = {"url": URL, "events": ["gift.sent"], "description": "charts of gifts"}


def key():
    """The header of a request that was never made before."""
    return {"Idempotency-Key": uuid4().hex}


async def eventually(look, *, seconds=SOON_SECONDS):
    """Wait until something is so, and return what was seen."""
    async with asyncio.timeout(seconds):
        while True:
            found = await look()
            if found:
                return found
            await asyncio.sleep(0.02)


@pytest.fixture
def keys():
    return Keyring(new_key())


@pytest.fixture
def policy():
    return QUICK


@pytest.fixture
def app(database, keys, policy):
    return build_http(database, a_verifier(), keys, LOOPBACK, policy)


@pytest.fixture
def as_admin(database, postgres):
    """Run statements as the administrator: a service may not grant anything itself."""
    return lambda *statements: run_sql(postgres.dsn(database.name), list(statements))


@pytest.fixture
def grant(as_admin):
    """Grant a team events, as an operator's command does."""

    def grant_events(team, *events):
        as_admin(
            *(f"INSERT INTO grants (team, event) VALUES ('{team}', '{each}')" for each in events)
        )

    return grant_events


@pytest.fixture
async def as_team(app):
    """Open clients of teams by name."""
    async with AsyncExitStack() as opened:

        async def client(name):
            token = a_token(name, roles=["team"])
            return await opened.enter_async_context(client_of(app, token))

        yield client


@pytest.fixture
async def charts(as_team, grant):
    """The team `charts`, which may have some events about gifts."""
    grant("charts", *GIFT_EVENTS)
    return await as_team("charts")


@pytest.fixture
async def ops(app):
    token = an_operator_token("webhooks:read", "webhooks:write", "audit:read")
    async with client_of(app, token) as client:
        yield client


@pytest.fixture
async def receiver():
    made = await Receiver().start()
    yield made
    await made.stop()


@pytest.fixture
def add(charts):
    """Add an endpoint; return what was answered, with its secret."""

    async def add_endpoint(url, *events, client=charts, team="me"):
        body = {"url": url, "events": list(events or GIFT_EVENTS)}
        answer = await client.post(f"/v1/teams/{team}/endpoints", json=body, headers=key())
        assert answer.status_code == 201, answer.text
        return answer.json()

    return add_endpoint


@pytest.fixture
def hear(database, policy):
    """Give events to the consumers, as the broker would."""
    by_type = {}
    for consumer in consumers.build(database, a_broker("webhooks"), policy):
        by_type[consumer.queue] = consumer

    async def receive(*events, queue="webhooks.events", sequence=None):
        deliveries = [
            a_delivery(event, sequence=place if sequence is None else sequence)
            for place, event in enumerate(events, start=1)
        ]
        await by_type[queue].receive(deliveries)

    return receive


@pytest.fixture
def working(database, keys, policy):
    """Run a worker for as long as a block lasts."""

    @asynccontextmanager
    async def work(*, destinations=LOOPBACK, answer_seconds_max=1.0, per_endpoint=8, **about):
        client = PublicClient(
            destinations,
            answer_seconds_max=answer_seconds_max,
            connections_max=64,
            user_agent="test",
            **about,
        )
        worker = DeliveryWorker(database, client, keys, policy, Limits(per_endpoint, 64))
        stopping = asyncio.Event()
        running = asyncio.create_task(worker.run(stopping))
        try:
            yield worker
        finally:
            stopping.set()
            await running
            await client.close()

    return work


@pytest.fixture
def states(database):
    """Count deliveries by state, or wait until none is in one."""

    async def count():
        async with database.transaction() as tx:
            rows = await tx.execute(
                text("SELECT state, count(*) AS n FROM deliveries GROUP BY state")
            )
        return {row.state: row.n for row in rows}

    return count


@pytest.fixture
def ended(states):
    """Wait until nothing is pending; return how many deliveries are in each state."""

    async def wait(*, seconds=SOON_SECONDS):
        async def none_pending():
            found = await states()
            return found if found and "pending" not in found else None

        return await eventually(none_pending, seconds=seconds)

    return wait


def gifts(count, **about):
    return [a_gift_sent(**about) for _ in range(count)]


def reversals(gift, count):
    """The gift is reversed further and further: facts of one subject, in order."""
    return [a_reversal(gift, revision, revision) for revision in range(1, count + 1)]
