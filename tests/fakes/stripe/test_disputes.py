"""Disputes, inquiries and early fraud warnings of the fake of Stripe."""

import json

import pytest
import stripe

# The SDK hands httpx its body in an old way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


async def test_a_dispute_takes_the_money_and_names_only_the_payment(
    client, fake, paid, kinds, received
):
    intent = await paid()
    opened = fake.dispute(intent, 500)

    found = await client.v1.disputes.retrieve_async(opened["id"])

    assert (found.status, found.amount, found.payment_intent) == ("needs_response", 500, intent)
    assert found.metadata.to_dict() == {}
    assert [each.amount for each in found.balance_transactions] == [-500]
    assert fake.books()["USD"] == {"payments": 999, "fees": -59 - 1500, "disputes": -500}
    assert (await kinds())[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    assert "purchase-1" not in json.dumps(received[1][-1].data.object.to_dict())
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.refunds.create_async({"payment_intent": intent})
    assert refused.value.code == "charge_disputed"


@pytest.mark.parametrize("won", [True, False])
async def test_a_dispute_is_answered_and_won_or_lost(client, fake, paid, kinds, won):
    dispute = fake.dispute(await paid())
    answered = await client.v1.disputes.update_async(
        dispute["id"], {"evidence": {"product_description": "Coins"}, "submit": True}
    )
    assert answered.status == "under_review"

    fake.close_dispute(dispute["id"], won=won)

    found = await client.v1.disputes.retrieve_async(dispute["id"])
    assert found.status == ("won" if won else "lost")
    assert fake.books()["USD"].get("dispute_reversals", 0) == (999 if won else 0)
    last = "charge.dispute.funds_reinstated" if won else "charge.dispute.closed"
    assert (await kinds())[-1] == last


async def test_an_inquiry_may_become_a_chargeback(fake, paid, kinds):
    opened = fake.dispute(await paid(), inquiry=True)
    fake.escalate(opened["id"])

    assert fake.find_dispute(opened["id"])["status"] == "needs_response"
    assert fake.books()["USD"]["disputes"] == -999
    assert (await kinds())[-2:] == ["charge.dispute.updated", "charge.dispute.funds_withdrawn"]


async def test_a_prevented_dispute_costs_the_money_and_no_fee(client, fake, paid):
    intent = await paid()
    fake.prevent(intent)

    found = (await client.v1.disputes.list_async({"payment_intent": intent})).data[0]
    assert found.status == "prevented"
    assert fake.books() == {"USD": {"payments": 999, "fees": -59, "disputes": -999}}


async def test_an_inquiry_moves_no_money_and_may_be_refunded(client, fake, paid, kinds):
    intent = await paid()
    opened = fake.dispute(intent, inquiry=True)
    assert opened["status"] == "warning_needs_response"
    assert "disputes" not in fake.books()["USD"]

    await client.v1.refunds.create_async({"payment_intent": intent, "amount": 99})
    fake.close_dispute(opened["id"], won=True)

    assert (await client.v1.disputes.retrieve_async(opened["id"])).status == "warning_closed"
    assert "charge.dispute.funds_withdrawn" not in await kinds()


async def test_a_warning_names_the_payment_and_ends_with_the_refund(client, fake, paid, kinds):
    intent = await paid()
    fake.warn(intent)
    listed = await client.v1.radar.early_fraud_warnings.list_async({"payment_intent": intent})
    assert listed.data[0].actionable

    await client.v1.refunds.create_async({"payment_intent": intent})

    listed = await client.v1.radar.early_fraud_warnings.list_async({"payment_intent": intent})
    assert not listed.data[0].actionable
    assert "radar.early_fraud_warning.created" in await kinds()
    assert "radar.early_fraud_warning.updated" in await kinds()


async def test_a_deadline_moves_and_evidence_ends_the_waiting(client, fake, paid, kinds):
    opened = fake.dispute(await paid())
    before = opened["evidence_details"]["due_by"]
    fake.move_deadline(opened["id"], 20 * 86_400)
    moved = await client.v1.disputes.retrieve_async(opened["id"])
    assert moved.evidence_details.due_by > before
    assert not moved.evidence_details.submission_count

    fake.submit_evidence(opened["id"])
    answered = await client.v1.disputes.retrieve_async(opened["id"])
    assert (answered.status, answered.evidence_details.submission_count) == ("under_review", 1)
    fake.move_deadline(opened["id"], None)
    assert (await client.v1.disputes.retrieve_async(opened["id"])).evidence_details.due_by == 0
    assert (await kinds())[-3:] == ["charge.dispute.updated"] * 3
