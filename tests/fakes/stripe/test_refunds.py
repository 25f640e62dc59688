"""Refunds: under a key, too much, pending, and failed weeks later."""

import pytest
import stripe

# The SDK hands httpx its body in an old way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


async def test_a_refund_under_one_key_is_one_refund(client, fake, paid, kinds):
    intent = await paid()
    params = {"payment_intent": intent, "amount": 400, "metadata": {"refund": "r1"}}

    first = await client.v1.refunds.create_async(params, {"idempotency_key": "r1"})
    again = await client.v1.refunds.create_async(params, {"idempotency_key": "r1"})

    assert (first.id, first.status) == (again.id, "succeeded")
    charge = (await client.v1.charges.list_async({"payment_intent": intent})).data[0]
    assert (charge.amount_refunded, charge.refunded) == (400, False)
    assert fake.books() == {"USD": {"payments": 999, "fees": -59, "refunds": -400}}
    assert (await kinds())[-2:] == ["refund.created", "charge.refunded"]


async def test_refunds_that_cannot_be_are_refused(client, fake, paid, shop):
    intent = await paid()
    unpaid = fake.pay_later((await shop()).id)["id"]

    for params, code in (
        ({"payment_intent": intent, "amount": 1000}, None),
        ({"payment_intent": intent, "amount": 0}, "parameter_invalid_integer"),
        ({"payment_intent": "pi_unknown"}, "resource_missing"),
        ({"payment_intent": unpaid}, None),
        ({}, "parameter_missing"),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await client.v1.refunds.create_async(params)
        assert refused.value.code == code
    await client.v1.refunds.create_async({"payment_intent": intent})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.refunds.create_async({"payment_intent": intent})
    assert refused.value.code == "charge_already_refunded"


async def test_a_refund_that_succeeded_fails_weeks_later(client, fake, paid, kinds):
    intent = await paid()
    refund = await client.v1.refunds.create_async({"payment_intent": intent})
    fake.fail_refund(refund.id)

    found = await client.v1.refunds.retrieve_async(
        refund.id, {"expand": ["failure_balance_transaction"]}
    )

    assert (found.status, found.failure_reason) == ("failed", "expired_or_canceled_card")
    assert found.failure_balance_transaction.amount == 999
    assert fake.charge_of(intent)["amount_refunded"] == 0
    assert fake.books()["USD"]["refund_failures"] == 999
    assert "refund.failed" in await kinds()


async def test_a_refund_is_pending_then_done_or_cancelled(client, fake, paid, kinds):
    fake.delay_refunds(2)
    first = await client.v1.refunds.create_async({"payment_intent": await paid()})
    second = await client.v1.refunds.create_async({"payment_intent": await paid()})
    assert (first.status, second.status) == ("pending", "pending")

    fake.complete_refund(first.id)
    fake.cancel_refund(second.id)

    listed = await client.v1.refunds.list_async()
    assert [refund.status for refund in listed.data] == ["canceled", "succeeded"]
    assert (await kinds()).count("refund.updated") == 2


async def test_a_refund_of_the_dashboard_has_no_metadata_of_ours(client, fake, paid):
    intent = await paid()
    fake.refund_by_dashboard(intent, 100)

    charge = await client.v1.charges.retrieve_async(
        fake.charge_of(intent)["id"], {"expand": ["refunds"]}
    )

    assert [refund.amount for refund in charge.refunds.data] == [100]
    assert charge.refunds.data[0].metadata.to_dict() == {}
