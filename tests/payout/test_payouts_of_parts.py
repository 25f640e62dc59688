"""
A gift of parties in several parts is paid out, charged back, and the payouts come back.

Each party ends with nothing and owes nothing, in every order of what happens, also if all of it
arrives twice.
"""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from services.payout import consumers
from services.payout.commands.transfers import apply_status
from services.payout.domain.payouts import ProviderStatus
from services.payout.main import build_http
from services.payout.store import attempts
from shared.contracts.gift import GiftRestored
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, an_operator_token, client_of
from tests.deliveries import a_broker, a_delivery
from tests.payout.books import violations
from tests.payout.conftest import PAYEE, RULES, a_gift_sent, quote, request
from tests.payout.test_maturity import reversal
from tests.payout.test_parts import sent_shares
from tests.payout.test_splits import ADD

PARTS = 16
PARTIES = ("lea", "agency")
LOST = text("""
    SELECT creator, sum(lost)::bigint AS lost FROM (
        SELECT creator, lost_diamonds AS lost FROM earnings
        UNION ALL SELECT creator, lost_diamonds FROM payout_losses
    ) AS losses GROUP BY creator
""")
PAID, RETURNED, CHARGED_BACK = "paid", "returned", "charged back"


@pytest.fixture
async def database(database_of):
    database = database_of("payout", part_count=PARTS)
    yield database
    assert await violations(database) == []


@pytest.fixture
def receive(database):
    """Let payout consume events of others, and then what its parts tell each other, twice each."""
    (consumer,) = consumers.build(database, a_broker("payout"), RULES)

    async def take(*events):
        for _ in range(2):
            await consumer.receive([a_delivery(event) for event in events])
            await consumer.receive(await sent_shares(database))

    return take


@pytest.fixture
def app(database, provider):
    return build_http(database, a_verifier(), {"sandbox": provider}, RULES)


@pytest.fixture
async def story(database, receive, app):
    """The gift of both parties, who have asked for all of their diamonds."""
    values = {
        "creator": "lea",
        "at": datetime.now(UTC) - timedelta(days=1),
        "parties": ["agency"],
        "shares_bp": [4_000],
    }
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text(ADD), values)
    gift = a_gift_sent(10_000)
    await receive(gift)
    for party in PARTIES:
        async with client_of(app, a_token(party, roles=["creator"])) as client:
            await client.put(PAYEE, json={"destination": f"acct_ok_{party}"})
            answer = await request(client, await quote(client))
        assert answer.json()["state"] == "approved"
    return gift


@pytest.fixture
async def say(database, story):
    """Send the money of both parties, and let the provider say the same of them, twice."""
    submitted = {}
    for party in PARTIES:
        async with database.part_for(party).transaction() as tx:
            await attempts.open_for_approved(tx, 10)
            (submitted[party],) = await attempts.claim_due(tx, 10)
            await attempts.begin_to_submit(tx, submitted[party])

    async def apply(status):
        for party in PARTIES:
            for _ in range(2):
                async with database.part_for(party).transaction() as tx:
                    attempt = submitted[party]
                    await apply_status(tx, attempt, status, reason="closed", rules=RULES)

    return apply


@pytest.fixture
def seen(database, app):
    """What each party has available and reserved, owes, and what became of the payout."""

    async def look():
        async with database.transaction() as tx:
            lost = {row.creator: row.lost for row in await tx.execute(LOST)}
        found = {}
        for party in PARTIES:
            async with client_of(app, a_token(party, roles=["creator"])) as client:
                earned = (await client.get("/v1/earnings/me")).json()
                (payout,) = (await client.get("/v1/payouts")).json()["items"]
            found[party] = (
                earned["available_diamonds"],
                earned["reserved_diamonds"],
                lost[party],
                payout["state"],
            )
        return found

    return look


def test_the_parties_are_in_two_parts(database):
    assert database.part_for("lea") is not database.part_for("agency")


async def test_a_chargeback_after_the_payout_is_a_loss_of_each_party(story, receive, say, seen):
    await say(ProviderStatus.PAID)

    await receive(reversal(story, 1, 10_000))

    assert await seen() == {"lea": (0, 0, 6_000, "paid"), "agency": (0, 0, 4_000, "paid")}

    await receive(reversal(story, 2, 0, contract=GiftRestored))

    assert await seen() == {"lea": (0, 0, 0, "paid"), "agency": (0, 0, 0, "paid")}


async def test_a_chargeback_before_the_payout_is_for_a_person_in_each_part(story, receive, seen):
    await receive(reversal(story, 1, 10_000))

    assert await seen() == {"lea": (0, 6_000, 6_000, "held"), "agency": (0, 4_000, 4_000, "held")}


@pytest.mark.parametrize("order", list(permutations((PAID, RETURNED, CHARGED_BACK))))
async def test_what_comes_back_covers_the_chargeback_in_every_order(
    order, story, receive, say, seen
):
    for happens in order:
        if happens is CHARGED_BACK:
            await receive(reversal(story, 1, 10_000))
        else:
            await say(ProviderStatus(happens))

    nothing = (0, 0, 0, "returned")
    assert await seen() == dict.fromkeys(PARTIES, nothing)


@pytest.mark.parametrize("is_first", [True, False])
async def test_a_payout_that_fails_covers_the_chargeback(is_first, story, receive, say, seen):
    if is_first:
        await receive(reversal(story, 1, 10_000))
    await say(ProviderStatus.FAILED)
    if not is_first:
        await receive(reversal(story, 1, 10_000))

    nothing = (0, 0, 0, "failed")
    assert await seen() == dict.fromkeys(PARTIES, nothing)


async def test_the_books_of_all_parts_are_one_sum(story, receive, say, app):
    await say(ProviderStatus.PAID)
    await receive(reversal(story, 1, 10_000))

    async with client_of(app, an_operator_token("books:read")) as ops:
        books = (await ops.get("/v1/operator/payout/books")).json()

    assert books["payouts_by_state"] == {"paid": 2}
    assert (books["diamonds_paid_out"], books["postings_sum"]) == (10_000, 0)
