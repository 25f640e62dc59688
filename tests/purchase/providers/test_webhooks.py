"""Every provider: only what the provider signed just now is taken, and can be read again later."""

from services.purchase import jobs
from shared.postgres.statements import text
from tests.purchase.conftest import KEYS

FORGET = text("""
    UPDATE webhook_events
    SET kind = 'unreadable', payment = NULL, reference = NULL, applied_at = NULL
""")
REPLAY_ALL = text("UPDATE webhook_archive SET replay_at = now()")
READ = "SELECT webhook_id, kind, payment, reference FROM webhook_events ORDER BY webhook_id"


async def test_a_forged_webhook_is_refused(paid, vendor, rows):
    await paid()
    before = await rows("SELECT webhook_id FROM webhook_events")

    assert await vendor.forge() == 401

    assert await rows("SELECT webhook_id FROM webhook_events") == before


async def test_a_webhook_that_was_signed_long_ago_is_refused(paid, vendor, rows):
    await paid()
    before = await rows("SELECT webhook_id FROM webhook_events")

    assert await vendor.send_old() == 401

    assert await rows("SELECT webhook_id FROM webhook_events") == before


async def test_a_webhook_is_read_again_out_of_the_archive(paid, rows, database, providers):
    await paid()
    before = await rows(READ)
    assert any(each["payment"] for each in before)
    async with database.reference.transaction() as tx:
        await tx.execute(FORGET)
        await tx.execute(REPLAY_ALL)

    await jobs.replay_due(database, providers, KEYS)

    assert await rows(READ) == before
    assert await rows("SELECT 1 FROM webhook_archive WHERE replay_at IS NOT NULL") == []


async def test_a_forged_webhook_is_not_kept(paid, vendor, rows):
    await paid()
    before = await rows("SELECT webhook_id FROM webhook_archive")

    assert await vendor.forge() == 401

    assert before
    assert await rows("SELECT webhook_id FROM webhook_archive") == before
