"""A creator who is erased: the accounts that money went to go, the diamonds' history stays."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.payout.store.personal_data import PERSONAL_DATA
from shared.backoffice.erasures import repeat_erasures
from shared.contracts.gift import ErasureRequested, UserErased
from shared.postgres.statements import text
from tests.deliveries import announced
from tests.payout.conftest import PAYEE, a_gift_sent
from tests.payout.test_payees import RESTING

END = text("UPDATE payouts SET state = 'paid'")
CONTACT = text("INSERT INTO payee_contacts VALUES ('lea', 1, 'acct_ok_lea', NULL, 'Lea Martin')")
MATCH = text("""
    INSERT INTO payee_matches (creator, revision, entry, listed_name, list_version)
    VALUES ('lea', 1, 'ofac:1', 'MARTIN, Lea', 'one')
""")
DUE = text("UPDATE erased_users SET repeat_at = now()")


@pytest.fixture
def obstacles(hear, database):
    async def ask(*, forfeit=False):
        await hear(ErasureRequested(erasure=uuid4(), user="lea", forfeit=forfeit))
        return (await announced(database, "payout.erasure_checked"))[-1]["obstacles"]

    return ask


@pytest.fixture
def erase(hear):
    async def tell():
        await hear(UserErased(erasure=uuid4(), user="lea", erased_at=datetime.now(UTC)))

    return tell


@pytest.fixture
def destinations(database):
    """Where money went or may go."""

    async def read():
        async with database.transaction() as tx:
            rows = await tx.execute(
                text("SELECT destination FROM payees UNION SELECT destination FROM payouts")
            )
            return {row.destination for row in rows} - {""}

    return read


async def test_diamonds_that_are_left_are_an_obstacle_unless_they_are_given_up(hear, obstacles):
    assert await obstacles() == []
    await hear(a_gift_sent(100))

    assert await obstacles() == ["diamonds-left"]
    assert await obstacles(forfeit=True) == []


async def test_an_open_payout_is_an_obstacle_that_cannot_be_given_up(cash_out, obstacles):
    await cash_out()

    assert await obstacles(forfeit=True) == ["payout-open"]


async def test_accounts_go_once_no_payout_needs_them(cash_out, erase, destinations, database):
    await cash_out()
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(CONTACT)
        await tx.execute(MATCH)
    await erase()
    assert await destinations() == {"acct_ok_lea"}

    async with database.part_for("lea").transaction() as tx:
        await tx.execute(END)
        await tx.execute(DUE)
        await repeat_erasures(tx, PERSONAL_DATA)

    assert await destinations() == set()
    async with database.transaction() as tx:
        for table in ("payees", "payee_contacts", "payee_matches"):
            assert not await tx.execute(text(f"SELECT 1 FROM {table}"))


async def test_an_erasure_makes_no_payee_the_first_one_again(lea, hear, erase, database):
    """The diamonds that were given up are still there for whoever comes back with the id."""
    lea.app.state.rules = RESTING
    await hear(a_gift_sent(3_000))
    await lea.put(PAYEE, json={"destination": "acct_ok_lea"})
    await erase()

    await lea.put(PAYEE, json={"destination": "acct_ok_thief"})

    refused = await lea.post("/v1/payouts/quotes", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "payee-resting")
    (changed,) = await announced(database, "payout.payee_changed")
    assert (changed["revision"], changed["previous_destination"]) == (2, None)


async def test_an_export_names_nobody_who_gave_anonymously(lea, hear):
    await hear(a_gift_sent(100, viewer="shy", anonymous=True), a_gift_sent(50, viewer="otto"))

    lines = (await lea.get("/v1/me/export/payout")).text

    assert "otto" in lines
    assert "shy" not in lines
