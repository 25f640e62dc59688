"""Where the provider says what cannot be, it is written down, counted, and money is followed."""

import pytest

from services.payout.domain.payouts import CONTRADICTIONS, ProviderStatus, State
from services.payout.store import attempts
from shared.postgres.statements import text
from tests.clients import a_token, client_of
from tests.deliveries import announced
from tests.metrics import metric
from tests.payout.books import violations
from tests.payout.conftest import a_gift_sent
from tests.payout.test_following import diamonds_of, state_of

HOLD = """
    WITH held AS (UPDATE payouts SET state = 'held' RETURNING creator, id, version)
    INSERT INTO payout_reviews
    SELECT creator, id, version, '{clawback}', now(), now(), now() FROM held
"""


@pytest.fixture(autouse=True)
async def books_are_right(database):
    yield
    assert await violations(database) == []


@pytest.fixture
async def ops(lea):
    token = a_token("ops", roles=["operator"], scope="payouts:review books:read")
    async with client_of(lea.app, token) as client:
        yield client


async def rows(database, statement):
    async with database.part_for("lea").transaction() as tx:
        return [dict(row) for row in await tx.execute(text(statement))]


async def test_money_that_failed_after_it_was_paid_is_the_creators_again(
    lea, attempt, apply_status, database
):
    payout, sent = await attempt()
    await apply_status(sent, ProviderStatus.PAID)
    before = metric("ovation_payout_contradictions_total", state="paid", status="failed")

    for _ in range(2):
        await apply_status(sent, ProviderStatus.FAILED, reason="account_closed")

    assert await state_of(lea, payout) == "returned"
    assert await diamonds_of(lea) == (3_000, 0)
    (told,) = await announced(database, "payout.returned")
    assert told["reason"] == "account_closed"
    (found,) = await rows(database, "SELECT state, status FROM contradictions")
    assert found == {"state": "paid", "status": "failed"}
    after = metric("ovation_payout_contradictions_total", state="paid", status="failed")
    assert after - before == 1


async def test_money_that_went_after_it_had_failed_takes_the_diamonds_it_gave_back(
    lea, attempt, apply_status, database
):
    payout, sent = await attempt()
    await apply_status(sent, ProviderStatus.FAILED)
    assert await diamonds_of(lea) == (3_000, 0)

    await apply_status(sent, ProviderStatus.PAID)

    assert await state_of(lea, payout) == "paid"
    assert await diamonds_of(lea) == (0, 0)
    assert len(await announced(database, "payout.paid")) == 1
    (closed,) = await rows(database, "SELECT closed FROM attempts")
    assert closed["closed"]


async def test_what_a_creator_has_no_more_of_it_is_the_operators_loss_until_it_comes_back(
    lea, attempt, apply_status, hear, ops, database
):
    """It failed, its diamonds were cashed out again, and then it was paid after all."""
    payout, sent = await attempt()
    await apply_status(sent, ProviderStatus.FAILED)
    quote = (await lea.post("/v1/payouts/quotes", json={"diamonds": 2_000})).json()
    asked = await lea.post(
        "/v1/payouts", json={"quote": quote["quote"]}, headers={"Idempotency-Key": "again"}
    )
    async with database.part_for("lea").transaction() as tx:
        await attempts.open_for_approved(tx, 10)
        (second,) = await attempts.claim_due(tx, 10)

    await apply_status(sent, ProviderStatus.PAID)

    assert await diamonds_of(lea) == (0, 2_000)
    books = (await ops.get("/v1/operator/payout/books")).json()
    assert books["dispute_loss_diamonds"] == 2_000
    await apply_status(second, ProviderStatus.RETURNED)
    assert await state_of(lea, asked.json()["payout"]) == "returned"
    assert await diamonds_of(lea) == (0, 0)
    books = (await ops.get("/v1/operator/payout/books")).json()
    assert books["dispute_loss_diamonds"] == 0
    await apply_status(sent, ProviderStatus.RETURNED)
    assert await state_of(lea, payout) == "returned"
    assert await diamonds_of(lea) == (3_000, 0)


async def test_a_payout_waits_for_a_person_when_an_earlier_one_was_paid_after_all(
    lea, attempt, apply_status, ops, database
):
    """It failed, its diamonds were asked for again: sent as well, the creator had them twice."""
    _, sent = await attempt()
    await apply_status(sent, ProviderStatus.FAILED)
    quote = (await lea.post("/v1/payouts/quotes", json={"diamonds": 2_000})).json()
    asked = await lea.post(
        "/v1/payouts", json={"quote": quote["quote"]}, headers={"Idempotency-Key": "again"}
    )
    second = asked.json()["payout"]

    await apply_status(sent, ProviderStatus.PAID)

    assert await state_of(lea, second) == "held"
    (told,) = await announced(database, "payout.held")
    assert (told["payout"], told["reason"]) == (second, "paid-late")
    await ops.post(f"/v1/operator/payouts/lea/{second}/reject", json={"reason": "paid twice"})
    assert await diamonds_of(lea) == (0, 0)
    books = (await ops.get("/v1/operator/payout/books")).json()
    assert books["dispute_loss_diamonds"] == 0


async def test_a_rejected_payout_that_was_paid_takes_its_diamonds_again(
    lea, attempt, apply_status, database, ops
):
    """By an older version, which let a payout be held that had an attempt, and then rejected."""
    payout, sent = await attempt()
    await rows(database, HOLD)
    refused = await ops.post(
        f"/v1/operator/payouts/lea/{payout}/reject", json={"reason": "stolen cards"}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "payout-submitted")
    await rows(database, "UPDATE attempts SET closed = true RETURNING id")
    await ops.post(f"/v1/operator/payouts/lea/{payout}/reject", json={"reason": "stolen cards"})
    assert await diamonds_of(lea) == (3_000, 0)

    await apply_status(sent, ProviderStatus.PAID)

    assert await state_of(lea, payout) == "paid"
    assert await diamonds_of(lea) == (0, 0)


async def test_a_held_payout_that_was_paid_is_paid(lea, attempt, apply_status, database):
    payout, sent = await attempt()
    await rows(database, HOLD)

    await apply_status(sent, ProviderStatus.PAID)

    assert await state_of(lea, payout) == "paid"
    assert await diamonds_of(lea) == (0, 0)
    (found,) = await rows(database, "SELECT state, status FROM contradictions")
    assert found == {"state": "held", "status": "paid"}


WAYS = {
    State.HELD: (),
    State.PAID: (ProviderStatus.PAID,),
    State.FAILED: (ProviderStatus.FAILED,),
    State.REJECTED: (),
    State.RETURNED: (ProviderStatus.RETURNED,),
}


@pytest.mark.parametrize(
    ("state", "said"), sorted(each for each in CONTRADICTIONS if each[0] in WAYS)
)
async def test_every_contradiction_is_written_down_once_and_the_books_stay_right(
    lea, attempt, apply_status, database, state, said, ops
):
    payout, sent = await attempt()
    for truth in WAYS[state]:
        await apply_status(sent, truth)
    if state in (State.HELD, State.REJECTED):
        await rows(database, HOLD)
    if state is State.REJECTED:
        await rows(database, "UPDATE attempts SET closed = true RETURNING id")
        await ops.post(f"/v1/operator/payouts/lea/{payout}/reject", json={"reason": "stolen"})
    before = metric("ovation_payout_contradictions_total", state=state.value, status=said.value)

    for _ in range(2):
        await apply_status(sent, said)

    found = await rows(database, "SELECT state, status FROM contradictions ORDER BY at")
    assert found[0] == {"state": state.value, "status": said.value}
    after = metric("ovation_payout_contradictions_total", state=state.value, status=said.value)
    assert after - before == 1
    stands = await state_of(lea, payout)
    available, reserved = await diamonds_of(lea)
    paid = 3_000 if stands == "paid" else 0
    assert available + reserved + paid == 3_000


async def test_two_transfers_for_one_attempt_are_a_contradiction(
    lea, cash_out, work, sandbox, database, monkeypatch
):
    """Somebody paid it by hand, or the provider forgot its own key."""
    payout = await cash_out()
    await work()
    (attempt,) = await rows(database, "SELECT id FROM attempts")
    bank = {
        "amount_minor": 1_500,
        "currency": "USD",
        "destination": "acct_ok_lea",
        "reference": str(attempt["id"]),
    }
    async with client_of(sandbox) as provider:
        headers = {"Authorization": "Bearer key", "Idempotency-Key": "by hand"}
        made = await provider.post("/transfers", json=bank, headers=headers)
        assert made.status_code == 201, made.text
    await work()

    found = await rows(database, "SELECT status FROM contradictions")
    assert {"status": "several"} in found
    assert await state_of(lea, payout) in ("sent", "paid")


async def test_a_loss_of_a_payout_is_made_up_for_by_diamonds_that_come_back(
    lea, attempt, apply_status, hear, database
):
    payout, sent = await attempt()
    await apply_status(sent, ProviderStatus.FAILED)
    quote = (await lea.post("/v1/payouts/quotes", json={})).json()
    headers = {"Idempotency-Key": "again"}
    await lea.post("/v1/payouts", json={"quote": quote["quote"]}, headers=headers)
    await apply_status(sent, ProviderStatus.PAID)
    assert await rows(database, "SELECT lost_diamonds AS n FROM payout_losses") == [{"n": 3_000}]
    await hear(a_gift_sent(100))
    assert await diamonds_of(lea) == (100, 3_000)

    await apply_status(sent, ProviderStatus.RETURNED)

    assert await diamonds_of(lea) == (100, 3_000)
    assert await rows(database, "SELECT sum(lost_diamonds)::int AS n FROM payout_losses") == [
        {"n": 0}
    ]
    assert await state_of(lea, payout) == "returned"
