"""The wallet decides, the gift service believes it once."""

from uuid import UUID, uuid4

from services.gift.commands.requests import repeat_requests
from shared.postgres.statements import text
from tests.deliveries import announced, forget_inbox
from tests.gift.conftest import paid, refused


async def test_a_sent_gift_says_who_paid_what_and_how_it_looks(ask, wallet_says, database):
    gift = (await ask(message="for the song", anonymous=True, count=3)).json()["gift"]

    await wallet_says(paid(gift, coins=15))

    (sent,) = await announced(database, "gift.sent")
    assert (sent["coins"], sent["count"], sent["gift_type"]) == (15, 3, "g_tea")
    assert (sent["display_name"], sent["tier"]) == ("Warm Tea", "spark")
    assert (sent["message"], sent["anonymous"]) == ("for the song", True)
    assert [piece["coins"] for piece in sent["slices"]] == [15]


async def test_the_first_outcome_stands(ask, wallet_says, database, mira):
    gift = (await ask()).json()["gift"]

    await wallet_says(paid(gift))
    await wallet_says(refused(gift))
    await forget_inbox(database)
    await wallet_says(paid(gift), paid(gift))

    assert (await mira.get(f"/v1/gifts/{gift}")).json()["state"] == "sent"
    assert len(await announced(database, "gift.sent")) == 1
    assert await announced(database, "gift.refused") == []


async def test_an_outcome_of_an_unknown_gift_is_parked_alone(ask, wallet_says, database):
    gift = (await ask()).json()["gift"]

    await wallet_says(paid(uuid4()), paid(gift))

    assert [sent["gift"] for sent in await announced(database, "gift.sent")] == [gift]
    async with database.transaction() as tx:
        dead = text(
            "SELECT headers->>'ovation_error_code' FROM outbox WHERE exchange = 'ovation.dlx'"
        )
        assert (await tx.execute(dead)).scalar_one() == "unknown-outcome"


async def test_a_gift_that_stayed_open_is_asked_about_again(ask, database):
    gift = (await ask()).json()["gift"]
    async with database.part_for("mira").transaction() as tx:
        await tx.execute(
            text("UPDATE open_gifts SET last_requested_at = now() - interval '11 minutes'")
        )

    for _ in range(2):
        async with database.part_for("mira").transaction() as tx:
            assert not await repeat_requests(tx)

    first, second = await announced(database, "gift.requested")
    assert (UUID(second["gift"]), second["attempt"]) == (UUID(gift), 2)
    assert second["expires_at"] == first["expires_at"]


async def test_open_gifts_are_those_that_are_requested(ask, wallet_says, database):
    sent, declined, waiting = [(await ask()).json()["gift"] for _ in range(3)]
    await wallet_says(paid(sent), refused(declined), paid(sent))

    async with database.transaction() as tx:
        rows = await tx.execute(text("SELECT gift FROM open_gifts"))
    assert [str(row.gift) for row in rows] == [waiting]
