"""The inbox remembers for longer than anything can come again, and not for ever."""

from uuid import uuid4

from shared.messaging import inbox
from shared.postgres.statements import text


async def test_what_no_replay_can_bring_again_is_forgotten_a_part_at_a_time(
    wallet_database, monkeypatch
):
    monkeypatch.setattr(inbox, "FORGET_MAX", 3)
    ages = {days: uuid4() for days in (0, 34, 36, 37, 38, 39)}
    async with wallet_database.reference.transaction() as tx:
        await inbox.accept(tx, "wallet.gifts", list(ages.values()))
    await age(wallet_database, ages)

    async with wallet_database.reference.transaction() as tx:
        assert await inbox.forget_old(tx)
    async with wallet_database.reference.transaction() as tx:
        assert not await inbox.forget_old(tx)
        known = {row.message_id for row in await tx.execute(text("SELECT * FROM inbox"))}

    assert known == {ages[0], ages[34]}


async def age(database, ages):
    """The service itself may not change what it has received, so the rows are made anew."""
    async with database.reference.transaction() as tx:
        await tx.execute(text("DELETE FROM inbox"))
        for days, message_id in ages.items():
            await tx.execute(
                text(
                    "INSERT INTO inbox (queue, message_id, received_at)"
                    " VALUES ('wallet.gifts', :id, now() - make_interval(days => :days))"
                ),
                {"id": message_id, "days": days},
            )
