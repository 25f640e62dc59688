"""A payout goes out once, and its diamonds follow the money, with every provider."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from services.payout.commands.losses import review_unsent
from services.payout.domain.reviews import CLAWBACK
from services.payout.providers import ProviderRejected
from tests.deliveries import announced
from tests.payout.providers.driver import Action

# Answers that say nothing of what was done.
AMBIGUOUS = (408, 409, 425, 429, 500, 503)


async def test_money_that_arrives_takes_the_reserved_diamonds(vendor, cash_out, work, stands):
    payout = await cash_out()
    assert await stands(payout) == ("approved", 0, 3_000)

    await work()
    await work()

    assert await stands(payout) == ("paid", 0, 0)
    assert vendor.books() == {vendor.currency: 1_500}


async def test_money_on_its_way_is_sent_and_not_paid(vendor, cash_out, work, stands, attempt_of):
    vendor.delay()
    payout = await cash_out()
    await work()
    await work()
    assert await stands(payout) == ("sent", 0, 3_000)

    vendor.pay(await attempt_of(payout))
    await work()

    assert await stands(payout) == ("paid", 0, 0)


async def test_a_transfer_that_fails_on_its_way_gives_the_diamonds_back(
    vendor, cash_out, work, stands, attempt_of, read
):
    vendor.delay()
    payout = await cash_out()
    await work()

    vendor.fail_transfer(await attempt_of(payout))
    await work()

    assert await stands(payout) == ("failed", 3_000, 0)
    assert (await read(payout))["timeline"][-1]["reason"]


async def test_an_answer_that_was_lost_is_found_and_never_paid_twice(
    vendor, cash_out, work, stands, attempt_of
):
    vendor.lose_answer(Action.SUBMIT)
    payout = await cash_out()
    await work()
    assert await stands(payout) == ("approved", 0, 3_000)

    await work()
    await work()

    assert await stands(payout) == ("paid", 0, 0)
    assert vendor.transfers_of(await attempt_of(payout)) == 1


async def test_an_answer_that_comes_too_late_is_found_and_never_paid_twice(
    vendor, cash_out, work, stands, attempt_of
):
    vendor.stall(Action.SUBMIT, 4.5)
    payout = await cash_out()
    async with vendor.impatient():
        await work()
    assert await stands(payout) == ("approved", 0, 3_000)
    await work()
    await work()

    assert await stands(payout) == ("paid", 0, 0)
    assert vendor.transfers_of(await attempt_of(payout)) == 1


@pytest.mark.parametrize("is_done", [False, True], ids=["nothing-done", "done"])
@pytest.mark.parametrize("status", AMBIGUOUS)
async def test_an_answer_that_says_nothing_fails_no_payout(
    vendor, cash_out, work, stands, attempt_of, status, is_done
):
    vendor.fail(Action.SUBMIT, status, is_done=is_done)
    payout = await cash_out()
    await work()
    assert await stands(payout) == ("approved", 0, 3_000)

    await work()
    await work()

    attempt = await attempt_of(payout)
    assert vendor.transfers_of(attempt) <= 1
    # Stripe keeps a 500 under the key for a day: nobody knows, and nobody guesses.
    is_kept = vendor.name == "stripe" and status >= 500 and not is_done
    assert await stands(payout) == (("approved", 0, 3_000) if is_kept else ("paid", 0, 0))


@pytest.mark.parametrize("status", AMBIGUOUS)
async def test_a_look_that_is_not_answered_changes_nothing(
    vendor, cash_out, work, stands, attempt_of, status
):
    vendor.delay()
    payout = await cash_out()
    await work()

    vendor.fail(Action.FIND, status)
    vendor.pay(await attempt_of(payout))
    await work()
    assert await stands(payout) == ("sent", 0, 3_000)
    await work()

    assert await stands(payout) == ("paid", 0, 0)


async def test_an_attempt_that_is_submitted_again_is_the_same_transfer(
    vendor, cash_out, work, attempt_of, order_of
):
    payout = await cash_out()
    await work()
    attempt, order = UUID(await attempt_of(payout)), await order_of(payout)

    first = await vendor.provider.submit(attempt, **order)
    again = await vendor.provider.submit(attempt, **order)
    found = await vendor.provider.find(attempt, transfer=first.id)
    await vendor.deliver()

    assert first.id == again.id == found.transfer.id
    assert (found.transfer.reference, found.is_one_of_several) == (str(attempt), False)
    assert vendor.transfers_of(str(attempt)) == 1


async def test_every_currency_is_written_in_the_vendors_own_units(vendor):
    if not vendor.amounts:
        vendor.lacks("currency but its own")
    for currency, amount_minor in vendor.amounts.items():
        attempt = uuid4()
        order = {"amount_minor": amount_minor, "currency": currency}
        made = await vendor.provider.submit(attempt, destination=vendor.destination(), **order)
        found = (await vendor.provider.find(attempt, transfer=made.id)).transfer
        assert (found.amount_minor, found.currency) == (amount_minor, currency)

    assert vendor.books() == vendor.amounts
    vendor.fake.lines.clear()  # they are of no payout of ours


async def test_an_amount_that_the_vendor_cannot_write_is_refused_before_anything_is_sent(vendor):
    if not vendor.unsayable:
        vendor.lacks("amount that it cannot write")
    for currency, amount_minor in vendor.unsayable.items():
        with pytest.raises(ProviderRejected, match="amount-not-possible"):
            await vendor.provider.submit(
                uuid4(),
                amount_minor=amount_minor,
                currency=currency,
                destination=vendor.destination(),
            )
    assert vendor.operations[Action.SUBMIT] not in vendor.fake.calls


async def test_a_documented_refusal_gives_the_diamonds_back_and_says_why(
    vendor, cash_out, work, stands, read
):
    payout = await cash_out(vendor.refusing_destination())
    await work()

    assert await stands(payout) == ("failed", 3_000, 0)
    assert (await read(payout))["timeline"][-1]["reason"] not in (None, "unknown")
    assert vendor.books() == {}


async def test_an_account_of_ours_that_is_short_of_money_fails_no_payout(
    vendor, cash_out, work, stands, rows
):
    vendor.be_short()
    payout = await cash_out()
    await work()
    await work()
    assert await stands(payout) == ("approved", 0, 3_000)

    await rows("""
        UPDATE attempts SET first_submitted_at = now() - interval '11 minutes' RETURNING id
    """)
    await work()
    await work()

    assert await stands(payout) == ("paid", 0, 0)
    tries = await rows("SELECT number, closed FROM attempts ORDER BY number")
    assert tries == [{"number": 1, "closed": True}, {"number": 2, "closed": True}]
    assert vendor.books() == {vendor.currency: 1_500}


async def test_a_payout_that_waits_for_our_money_can_still_be_put_under_review(
    *, vendor, cash_out, work, database, stands, rules
):
    vendor.be_short()
    payout = await cash_out()
    await work()

    async with database.part_for("lea").transaction() as tx:
        now = datetime.now(UTC)
        facts = await review_unsent(tx, ["lea"], now, reason=CLAWBACK, rules=rules)

    assert [str(fact.event.payout) for fact in facts] == [payout]
    assert await stands(payout) == ("held", 0, 3_000)
    await work()
    assert vendor.books() == {}


async def test_money_that_comes_back_gives_the_diamonds_back_once(
    vendor, paid, follow, stands, attempt_of, database
):
    payout = await paid()
    vendor.repeat_webhooks(1)

    vendor.give_back(await attempt_of(payout))
    await follow()
    await follow()

    assert await stands(payout) == ("returned", 3_000, 0)
    assert len(await announced(database, "payout.returned")) == 1
    assert vendor.books() == {}


async def test_money_that_was_paid_and_then_failed_gives_the_diamonds_back_once(
    vendor, paid, follow, work, stands, attempt_of, rows
):
    payout = await paid()

    vendor.fail_transfer(await attempt_of(payout))
    await follow()
    await work()

    assert await stands(payout) == ("returned", 3_000, 0)
    found = await rows("SELECT state, status FROM contradictions")
    assert found[0] == {"state": "paid", "status": "failed"}


async def test_parts_that_come_back_give_their_diamonds_back_until_all_is_back(
    vendor, paid, follow, stands, attempt_of, read, database
):
    payout = await paid()
    attempt = await attempt_of(payout)

    vendor.give_back_part(attempt, 333)
    await follow()
    # 3,000 diamonds were $15: of $3.33 they are 666.
    assert await stands(payout) == ("paid", 666, 0)
    shown = await read(payout)
    assert (shown["returned_minor"], shown["timeline"][-1]["reason"]) == (333, "reversed")
    assert vendor.books() == {vendor.currency: 1_167}
    vendor.give_back_part(attempt, 167)
    await follow()
    assert await stands(payout) == ("paid", 1_000, 0)
    vendor.give_back(attempt)
    await follow()

    assert await stands(payout) == ("returned", 3_000, 0)
    told = await announced(database, "payout.partly_returned")
    parts = [(each["returned_minor"], each["returned_diamonds"]) for each in told]
    assert parts == [(333, 666), (500, 1_000)]


@pytest.mark.parametrize("are_known", [[True, True], [False, True], [False, False]])
async def test_the_diamonds_of_parts_do_not_depend_on_which_parts_were_seen(
    vendor, paid, follow, work, stands, attempt_of, are_known
):
    payout = await paid()
    attempt = await attempt_of(payout)
    vendor.hold_webhooks()
    for amount_minor, is_known in zip((7, 11), are_known, strict=True):
        vendor.give_back_part(attempt, amount_minor)
        if is_known:
            await work()
    vendor.release_webhooks()
    await follow()

    assert await stands(payout) == ("paid", 36, 0)


async def test_a_receiver_who_has_to_claim_the_money_is_told_so_until_they_do(
    vendor, cash_out, work, stands, attempt_of, read
):
    vendor.need_claim()
    payout = await cash_out()
    await work()
    await work()
    await work()
    assert await stands(payout) == ("sent", 0, 3_000)
    steps = [(each["state"], each["reason"]) for each in (await read(payout))["timeline"]]
    assert steps.count(("sent", "unclaimed")) == 1

    vendor.claim(await attempt_of(payout))
    await work()

    assert await stands(payout) == ("paid", 0, 0)


async def test_money_that_nobody_claims_comes_back_and_was_never_paid(
    vendor, cash_out, work, follow, stands, attempt_of, read, database
):
    vendor.need_claim()
    payout = await cash_out()
    await work()
    await work()

    vendor.let_claim_end(await attempt_of(payout))
    await follow()
    await work()

    assert await stands(payout) == ("failed", 3_000, 0)
    assert (await read(payout))["timeline"][-1]["reason"] == "unclaimed"
    assert await announced(database, "payout.paid") == []


async def test_a_transfer_that_is_held_is_shown_so_and_may_be_blocked(
    vendor, cash_out, work, stands, attempt_of, read
):
    vendor.hold()
    payout = await cash_out()
    await work()
    await work()
    assert (await read(payout))["timeline"][-1]["reason"] == "on-hold"

    vendor.block(await attempt_of(payout))
    await work()

    assert await stands(payout) == ("failed", 3_000, 0)
    assert (await read(payout))["timeline"][-1]["reason"] == "blocked"


async def test_webhooks_that_come_late_twice_and_in_another_order_change_nothing(
    vendor, paid, follow, stands, attempt_of
):
    vendor.hold_webhooks(shuffled=True)
    payout = await paid()
    vendor.repeat_webhooks(3)
    vendor.give_back(await attempt_of(payout))

    vendor.release_webhooks()
    await follow()
    await follow()

    assert await stands(payout) == ("returned", 3_000, 0)


async def test_a_webhook_that_was_lost_is_made_up_for_by_the_next_look(
    *, vendor, paid, work, stands, attempt_of, rows
):
    payout = await paid()
    vendor.lose_webhooks(1)
    (next_look,) = await rows("""
        SELECT next_check_at BETWEEN now() AND now() + interval '61 minutes' AS is_soon
        FROM attempts
    """)
    assert next_look["is_soon"]
    vendor.give_back(await attempt_of(payout))
    await work()

    assert await stands(payout) == ("returned", 3_000, 0)


async def test_a_webhook_that_is_forged_or_old_is_refused(vendor, paid, rows):
    await paid()
    await vendor.deliver()
    before = await rows("SELECT count(*) AS n FROM webhook_events")

    assert await vendor.forge() == 401
    assert await vendor.send_old() == 401

    assert await rows("SELECT count(*) AS n FROM webhook_events") == before


async def test_a_webhook_of_the_other_environment_is_kept_and_not_followed(vendor, paid, lea, rows):
    await paid()
    headers, body = vendor.of_other_environment()
    await rows("UPDATE attempts SET next_check_at = NULL RETURNING id")

    answer = await lea.post(
        f"/v1/webhooks/{vendor.name}/transfers", content=body, headers=dict(headers)
    )

    assert answer.status_code == 200
    assert (await rows("SELECT attempt FROM webhook_events ORDER BY id"))[-1] == {"attempt": None}
    assert await rows("SELECT next_check_at AS at FROM attempts") == [{"at": None}]
