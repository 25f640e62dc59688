"""Operators read everything about one viewer's wallet; how the work of the service stands."""

from uuid import uuid4

import pytest

from shared.postgres.statements import text
from tests.clients import a_token, client_of
from tests.wallet.conftest import a_gift_requested, a_purchase_paid

WALLET = "/v1/operator/wallets/mira"
# Every read of the wallet that names a viewer.
READS = [WALLET, f"{WALLET}/lots", f"{WALLET}/movements", f"{WALLET}/limits"]
OPERATIONS = "/v1/operator/wallet/operations"


def operator(app, scope):
    return client_of(app, a_token("ann", roles=["operator"], scope=scope))


@pytest.fixture
async def ann(app):
    async with operator(app, "wallets:read wallets:freeze audit:read books:read") as client:
        yield client


async def test_an_operator_reads_what_the_viewer_has_and_whether_it_is_stopped(hear, ann):
    await hear(a_purchase_paid(coins=100))
    before = (await ann.get(WALLET)).json()
    await ann.post(f"{WALLET}/freeze", json={"reason": "reported"})
    after = (await ann.get(WALLET)).json()

    assert before == {
        "user": "mira",
        "coins": 100,
        "held_coins": 0,
        "debt_coins": 0,
        "suspended": False,
    }
    assert after == {**before, "suspended": True}
    await ann.post(f"{WALLET}/unfreeze", json={"reason": "a mistake"})
    assert (await ann.get(WALLET)).json() == before


async def test_lots_and_entries_are_those_that_the_viewer_sees(app, hear, ann):
    await hear(a_purchase_paid(coins=100))
    await hear(a_gift_requested())

    async with client_of(app, a_token("mira")) as mira:
        for name in ("lots", "movements", "limits"):
            own = (await mira.get(f"/v1/wallets/me/{name}")).json()
            assert (await ann.get(f"{WALLET}/{name}")).json() == own
            assert own["limits" if name == "limits" else "items"]


@pytest.mark.parametrize("path", READS)
async def test_reading_of_a_person_needs_the_scope_and_leaves_a_line(app, ann, path):
    async with operator(app, "books:read audit:read") as other:
        assert (await other.get(path)).status_code == 403
    assert (await ann.get(path)).status_code == 200

    lines = (await ann.get("/v1/operator/wallet/audit?user=mira")).json()["items"]
    assert [(line["action"], line["reason"]) for line in lines if path in line["reason"]] == [
        ("read", f"GET {path}")
    ]


async def test_operators_see_what_waits_in_the_outbox_and_what_blocks_it(database, hear, ann):
    before = (await ann.get(OPERATIONS)).json()["outbox"]
    await hear(a_purchase_paid(coins=100))
    async with database.part_for("mira").transaction() as tx:
        row = (await tx.execute(text("SELECT share, key, message_id FROM outbox LIMIT 1"))).one()
        await tx.execute(
            text("""
                INSERT INTO outbox_blocked (share, key, message_id, reason)
                VALUES (:share, :key, :message_id, 'no such exchange')
            """),
            dict(row),
        )

    state = (await ann.get(OPERATIONS)).json()
    (blocked,) = state["outbox"]["blocked"]
    assert (before["waiting"], before["oldest_at"]) == (0, None)
    assert state["outbox"]["waiting"] > 0
    assert state["outbox"]["oldest_at"] is not None
    assert (blocked["reason"], blocked["parked"]) == ("no such exchange", True)
    assert blocked["behind"] >= 1
    # The key of these messages is the viewer.
    assert "mira" not in str(state)

    message = (await ann.get(f"/v1/operator/wallet/messages/{row.message_id}")).json()
    assert message["waits_in_outbox"]
    assert message["blocked"] == state["outbox"]["blocked"]


async def test_a_message_is_found_where_it_was_handled(hear, ann):
    paid = a_purchase_paid(coins=100)
    await hear(paid)

    known = (await ann.get(f"/v1/operator/wallet/messages/{paid.id}")).json()
    unknown = (await ann.get(f"/v1/operator/wallet/messages/{uuid4()}")).json()

    assert [each["queue"] for each in known["handled"]] == ["wallet.money"]
    assert not known["waits_in_outbox"]
    assert (unknown["handled"], unknown["waits_in_outbox"]) == ([], False)


async def test_the_work_of_a_service_is_not_shown_to_whoever_lacks_the_scope(app):
    async with operator(app, "wallets:read") as other:
        for path in (OPERATIONS, f"/v1/operator/wallet/messages/{uuid4()}"):
            assert (await other.get(path)).json()["code"] == "scope-missing"
