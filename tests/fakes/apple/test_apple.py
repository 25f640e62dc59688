"""The fake App Store says what Apple's own library verifies and understands."""

import json
import time
from uuid import uuid4

import httpx
import pytest
from appstoreserverlibrary.api_client import APIException, AsyncAppStoreServerAPIClient
from appstoreserverlibrary.models.ConsumptionRequest import ConsumptionRequest
from appstoreserverlibrary.models.DeliveryStatus import DeliveryStatus
from appstoreserverlibrary.models.Environment import Environment
from appstoreserverlibrary.models.NotificationHistoryRequest import NotificationHistoryRequest
from appstoreserverlibrary.models.NotificationTypeV2 import NotificationTypeV2
from appstoreserverlibrary.models.RefundPreference import RefundPreference
from appstoreserverlibrary.models.RevocationType import RevocationType
from appstoreserverlibrary.signed_data_verifier import SignedDataVerifier, VerificationException

from tests.fakes.apple.objects import Price, forged
from tests.fakes.apple.vendor import Apple
from tests.fakes.apple.verbs import PRODUCTION, SANDBOX
from tests.fakes.certificates import chain
from tests.fakes.judge import Contradiction

DAY = 86_400
PRICES = {
    "coins_100": Price("USD", 990),
    "coins_yen": Price("JPY", 160_000, "JPN"),
    "coins_dinar": Price("KWD", 1_250, "KWT"),
}


@pytest.fixture
async def apple(receiver):
    async with Apple(webhooks=receiver.url, prices=PRICES) as fake:
        yield fake


@pytest.fixture
def verifier(apple):
    return a_verifier(apple)


def a_verifier(apple, environment: str = PRODUCTION, bundle: str = "com.example.live", app=None):
    return SignedDataVerifier(
        [apple.root], False, Environment(environment), bundle, app or apple.app
    )


@pytest.fixture
async def client(apple):
    """Apple's own client, at the address of the fake."""
    made = AsyncAppStoreServerAPIClient(
        apple.signing_key, apple.key_id, apple.issuer_id, apple.bundle, Environment.PRODUCTION
    )
    # The library has no way to say the address.
    made._base_url = apple.url  # noqa: SLF001
    yield made
    await made.async_close()


@pytest.fixture
def buy(apple, verifier):
    """Buy, and read what was bought as our server does."""

    def send(product: str = "coins_100", **values):
        return verifier.verify_and_decode_signed_transaction(
            apple.buy(product, values.pop("account_token", uuid4()), **values)
        )

    return send


def code(error):
    return error.value.api_error.name


async def test_a_signed_transaction_carries_our_purchase_and_their_price(apple, verifier):
    purchase = uuid4()
    read = verifier.verify_and_decode_signed_transaction(apple.buy("coins_100", purchase, 2))

    assert read.appAccountToken == str(purchase)
    assert (read.price, read.currency, read.quantity) == (1980, "USD", 2)
    assert read.productId == "coins_100"
    assert read.revocationDate is None


async def test_books_are_in_minor_units_whatever_the_digits(apple):
    for product in PRICES:
        apple.buy(product, uuid4())

    assert apple.books() == {
        "USD": {"payments": 99, "fees": -15},
        "JPY": {"payments": 160, "fees": -24},
        "KWD": {"payments": 1250, "fees": -188},
    }


@pytest.mark.parametrize(
    "wrong", ["forged", "other bundle", "other environment", "broken", "other root"]
)
async def test_what_is_not_ours_is_not_verified(apple, verifier, wrong):
    good = apple.buy("coins_100", uuid4())
    head, body, signature = good.split(".")
    signed = {
        "forged": forged(good),
        "other bundle": apple.buy("coins_100", uuid4(), bundle="com.example.other"),
        "other environment": apple.buy("coins_100", uuid4(), environment=SANDBOX),
        "broken": ".".join((head, body, signature[:-8] + "AAAAAAAA")),
        "other root": good,
    }[wrong]
    if wrong == "other root":
        root = chain("Another").root.der
        verifier = SignedDataVerifier(
            [root], False, Environment.PRODUCTION, apple.bundle, apple.app
        )

    with pytest.raises(VerificationException):
        verifier.verify_and_decode_signed_transaction(signed)


async def test_a_transaction_of_the_sandbox_is_unknown_in_production(apple, client):
    a_sandbox = a_verifier(apple, SANDBOX)
    read = a_sandbox.verify_and_decode_signed_transaction(
        apple.buy("coins_100", uuid4(), environment=SANDBOX)
    )

    assert read.environment == Environment.SANDBOX
    with pytest.raises(APIException) as error:
        await client.get_transaction_info(read.transactionId)
    assert code(error) == "TRANSACTION_ID_NOT_FOUND"
    assert apple.books() == {}
    assert apple.sent == []


async def test_a_transaction_is_looked_up_and_finished_by_the_server(apple, client, buy, verifier):
    bought = buy()
    found = await client.get_transaction_info(bought.transactionId)
    await client.finish_transaction(bought.transactionId)

    read = verifier.verify_and_decode_signed_transaction(found.signedTransactionInfo)
    assert read.transactionId == bought.transactionId
    assert apple.transactions[bought.transactionId].is_finished


async def test_a_refund_is_in_the_history_until_it_is_reversed(apple, client, buy, verifier):
    account = uuid4()
    whole, part, kept = (buy("coins_yen", account_token=account) for _ in range(3))
    apple.refund(whole.transactionId)
    apple.refund(part.transactionId, 24_000)
    listed = await client.get_refund_history(kept.transactionId, None)
    read = [verifier.verify_and_decode_signed_transaction(x) for x in listed.signedTransactions]

    assert [each.transactionId for each in read] == [whole.transactionId, part.transactionId]
    assert [each.revocationType for each in read] == [
        RevocationType.REFUND_FULL,
        RevocationType.REFUND_PRORATED,
    ]
    assert read[1].revocationPercentage == 24_000
    assert apple.books() == {"JPY": {"payments": 480, "fees": -42, "refunds": -198}}
    apple.reverse_refund(whole.transactionId)
    again = await client.get_refund_history(kept.transactionId, None)
    assert len(again.signedTransactions) == 1
    assert apple.books() == {
        "JPY": {"payments": 480, "fees": -66, "refunds": -198, "refund_reversals": 160},
    }


async def test_refunds_come_in_pages_of_twenty(apple, client, buy):
    account = uuid4()
    bought = [buy(account_token=account) for _ in range(25)]
    for each in bought:
        apple.refund(each.transactionId)
    first = await client.get_refund_history(bought[0].transactionId, None)
    second = await client.get_refund_history(bought[0].transactionId, first.revision)

    assert (len(first.signedTransactions), first.hasMore) == (20, True)
    assert (len(second.signedTransactions), second.hasMore) == (5, False)


async def test_every_kind_of_notification_is_verified(apple, verifier, buy, receiver):
    bought = buy()
    apple.ask_consumption(bought.transactionId)
    apple.refund(bought.transactionId)
    apple.reverse_refund(bought.transactionId)
    apple.decline_refund(bought.transactionId)
    apple.send_test()
    apple.send_unknown("GIFT_RECEIVED")
    await apple.webhooks.wait_until_delivered()
    read = [
        verifier.verify_and_decode_notification(json.loads(body)["signedPayload"])
        for _, body in receiver.arrived
    ]

    assert [each.rawNotificationType for each in read] == [
        "ONE_TIME_CHARGE",
        "CONSUMPTION_REQUEST",
        "REFUND",
        "REFUND_REVERSED",
        "REFUND_DECLINED",
        "TEST",
        "GIFT_RECEIVED",
    ]
    assert read[-1].notificationType is None
    inner = verifier.verify_and_decode_signed_transaction(read[2].data.signedTransactionInfo)
    assert inner.transactionId == bought.transactionId
    assert read[1].data.rawConsumptionRequestReason == "UNINTENDED_PURCHASE"


async def test_a_forged_notification_is_not_verified(apple, verifier, receiver):
    apple.send_test()
    await apple.webhooks.wait_until_delivered()
    await apple.forge()

    payloads = [json.loads(body)["signedPayload"] for _, body in receiver.arrived]
    assert verifier.verify_and_decode_notification(payloads[0]).version == "2.0"
    with pytest.raises(VerificationException):
        verifier.verify_and_decode_notification(payloads[1])
    with pytest.raises(VerificationException):
        a_verifier(apple, app=1).verify_and_decode_notification(payloads[0])


def a_consumption(**changed):
    values = {
        "customerConsented": True,
        "sampleContentProvided": False,
        "deliveryStatus": DeliveryStatus.DELIVERED,
        "consumptionPercentage": 24_000,
        "refundPreference": RefundPreference.GRANT_PRORATED,
    }
    return ConsumptionRequest(**(values | changed))


async def test_a_question_about_consumption_is_answered_once_and_in_time(apple, client, buy):
    bought, late = buy(), buy()
    for each in (bought, late):
        apple.ask_consumption(each.transactionId)
    await client.send_consumption_information(bought.transactionId, a_consumption())
    await client.send_consumption_information(
        bought.transactionId, a_consumption(consumptionPercentage=50_000)
    )
    kept = apple.transactions[bought.transactionId].consumption
    apple.skew(12 * 3600 + 60)

    assert kept == {
        "customerConsented": True,
        "sampleContentProvided": False,
        "deliveryStatus": "DELIVERED",
        "consumptionPercentage": 24_000,
        "refundPreference": "GRANT_PRORATED",
    }
    assert apple.transactions[late.transactionId].consumption is None


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"customerConsented": False}, "INVALID_CUSTOMER_CONSENTED"),
        ({"consumptionPercentage": 0}, "GENERAL_BAD_REQUEST"),
        ({"consumptionPercentage": 100_001}, "GENERAL_BAD_REQUEST"),
    ],
)
async def test_a_consumption_without_consent_or_share_is_refused(
    apple, client, buy, changed, wanted
):
    bought = buy()
    with pytest.raises(APIException) as error:
        await client.send_consumption_information(bought.transactionId, a_consumption(**changed))

    assert code(error) == wanted
    assert apple.transactions[bought.transactionId].consumptions == []


def a_history(**values):
    now = int(time.time() * 1000)
    return NotificationHistoryRequest(startDate=now - 3_600_000, endDate=now + 3_600_000, **values)


async def test_lost_notifications_are_in_the_history(apple, client, buy, verifier):
    buy()
    await apple.webhooks.wait_until_delivered()
    apple.lose_webhooks(1)
    lost = buy()
    every = await client.get_notification_history(None, a_history())
    failed = await client.get_notification_history(None, a_history(onlyFailures=True))
    own = await client.get_notification_history(None, a_history(transactionId=lost.transactionId))

    assert len(every.notificationHistory) == 2
    assert [x.sendAttempts[0].rawSendAttemptResult for x in every.notificationHistory] == [
        "SUCCESS",
        "NO_RESPONSE",
    ]
    for found in (failed, own):
        assert [each.signedPayload for each in found.notificationHistory] == [
            apple.notifications[1].signed
        ]
    read = verifier.verify_and_decode_notification(failed.notificationHistory[0].signedPayload)
    assert read.notificationType == NotificationTypeV2.ONE_TIME_CHARGE


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"startDate": None}, "INVALID_START_DATE"),
        ({"endDate": 0}, "START_DATE_AFTER_END_DATE"),
        ({"startDate": 0}, "START_DATE_TOO_FAR_IN_PAST"),
        (
            {"transactionId": "1", "notificationType": NotificationTypeV2.TEST},
            "MULTIPLE_FILTERS_SUPPLIED",
        ),
    ],
)
async def test_a_history_has_limits(apple, client, changed, wanted):
    asked = a_history()
    for name, value in changed.items():
        setattr(asked, name, value)
    with pytest.raises(APIException) as error:
        await client.get_notification_history(None, asked)

    assert code(error) == wanted


async def test_a_test_notification_is_requested_and_checked(apple, client, verifier):
    token = (await client.request_test_notification()).testNotificationToken
    await apple.webhooks.wait_until_delivered()
    checked = await client.get_test_notification_status(token)

    assert checked.sendAttempts[0].rawSendAttemptResult == "SUCCESS"
    read = verifier.verify_and_decode_notification(checked.signedPayload)
    assert read.notificationType == NotificationTypeV2.TEST


async def test_without_a_valid_token_nothing_is_said(apple, client, buy):
    bought = buy()
    apple.skew(3 * 3600)
    with pytest.raises(APIException) as error:
        await client.get_transaction_info(bought.transactionId)
    async with httpx.AsyncClient(base_url=apple.url) as stranger:
        none = await stranger.get(f"/inApps/v1/transactions/{bought.transactionId}")

    assert error.value.http_status_code == none.status_code == 401


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_every_call_can_fail(apple, client, buy, status):
    bought = buy()
    apple.fail(status, operation="GET /inApps/v1/transactions/{transactionId}")
    with pytest.raises(APIException) as error:
        await client.get_transaction_info(bought.transactionId)

    assert error.value.http_status_code == status
    assert error.value.api_error is not None
    assert (await client.get_transaction_info(bought.transactionId)).signedTransactionInfo


async def test_a_request_that_apple_would_refuse_is_refused(apple, client, buy):
    bought = buy()
    wrong = a_consumption()
    wrong.rawDeliveryStatus = "EATEN"
    with pytest.raises(APIException) as error:
        await client.send_consumption_information(bought.transactionId, wrong)

    assert code(error) == "GENERAL_BAD_REQUEST"
    assert [each.field for each in apple.take_violations()] == ["deliveryStatus"]


async def test_a_transaction_that_apple_would_not_sign_fails_the_test():
    apple = await Apple(environment="Staging").start()
    apple.buy("coins_100", uuid4())

    with pytest.raises(Contradiction, match="Staging"):
        await apple.stop()
