"""The fake Google Play says what its discovery document allows, and keeps time and books."""

import base64
import json
import time

import httpx
import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet, RSAKey

from tests.fakes.google_play.objects import CHARGEBACK, UNACKNOWLEDGED, Price
from tests.fakes.google_play.vendor import ISSUER, SCOPE, GooglePlay
from tests.fakes.judge import Contradiction

APP = "/androidpublisher/v3/applications/com.example.live"
DAY = 86_400
PRICES = {"coins_100": Price("USD", 129, 30), "coins_yen": Price("JPY", 160, 14)}


@pytest.fixture
async def play(receiver):
    async with GooglePlay(webhooks=receiver.url, prices=PRICES) as fake:
        yield fake


def assertion(play, **changed):
    account = play.service_account()
    now = int(play.now())
    claims = {
        "iss": account["client_email"],
        "aud": account["token_uri"],
        "scope": SCOPE,
        "iat": now,
        "exp": now + 3600,
    }
    key = RSAKey.import_key(account["private_key"])
    return jwt.encode({"alg": "RS256", "kid": "account-1"}, claims | changed, key)


async def log_in(play, **changed):
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    form = {"grant_type": grant, "assertion": assertion(play, **changed)}
    async with httpx.AsyncClient() as client:
        return await client.post(f"{play.url}/token", data=form)


@pytest.fixture
async def ask(play):
    """Send a request with a token that is valid now."""
    async with httpx.AsyncClient(base_url=play.url, timeout=5) as client:

        async def send(method: str, path: str, body=None, **query):
            token = (await log_in(play)).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            return await client.request(
                method, f"{APP}{path}", json=body, params=query, headers=headers
            )

        yield send


def product(token: str, name: str = "coins_100") -> str:
    return f"/purchases/products/{name}/tokens/{token}"


def said(body: bytes):
    """Return what a push says."""
    return json.loads(base64.b64decode(json.loads(body)["message"]["data"]))


async def test_a_purchase_is_shown_acknowledged_and_consumed_once(play, ask):
    token = play.buy("coins_100", "p1", quantity=2)
    before = (await ask("GET", product(token))).json()
    acknowledged = await ask("POST", f"{product(token)}:acknowledge", {})
    consumed = await ask("POST", f"{product(token)}:consume")
    again = await ask("POST", f"{product(token)}:consume")
    after = (await ask("GET", product(token))).json()
    newer = (await ask("GET", f"/purchases/productsv2/tokens/{token}")).json()

    assert (before["purchaseState"], before["acknowledgementState"]) == (0, 0)
    assert (before["obfuscatedExternalAccountId"], before["quantity"]) == ("p1", 2)
    assert (acknowledged.status_code, consumed.status_code) == (200, 200)
    assert again.json()["error"]["errors"][0]["reason"] == "productNotOwnedByUser"
    assert (after["acknowledgementState"], after["consumptionState"]) == (1, 1)
    assert newer["purchaseStateContext"] == {"purchaseState": "PURCHASED"}
    assert newer["productLineItem"][0]["productOfferDetails"]["quantity"] == 2


async def test_only_the_order_knows_what_was_paid(play, ask):
    play.buy("coins_100", "p1", quantity=2)
    play.buy("coins_yen", "p2", region="JP")
    orders = [
        (await ask("GET", f"/orders/{each.order_id}")).json() for each in play.purchases.values()
    ]

    assert orders[0]["total"] == {"currencyCode": "USD", "units": "2", "nanos": 580_000_000}
    assert orders[0]["developerRevenueInBuyerCurrency"]["nanos"] == 680_000_000
    assert orders[1]["total"] == {"currencyCode": "JPY", "units": "160"}
    assert play.books() == {
        "USD": {"payments": 258, "taxes": -60, "fees": -30},
        "JPY": {"payments": 160, "taxes": -14, "fees": -22},
    }


async def test_a_pending_purchase_has_no_order_until_it_is_paid(play, ask):
    token, never = (play.buy("coins_100", "p1", is_pending=True) for _ in range(2))
    order = play.purchases[token].order_id
    pending = (await ask("GET", product(token))).json()
    refused = await ask("POST", f"{product(token)}:consume")
    unknown = await ask("GET", f"/orders/{order}")

    assert pending["purchaseState"] == 2
    assert "orderId" not in pending
    assert (refused.status_code, unknown.status_code) == (400, 404)
    assert play.books() == {}
    play.complete_pending(token)
    play.cancel_pending(never)
    assert (await ask("GET", product(token))).json()["orderId"] == order
    assert (await ask("GET", product(never))).json()["purchaseState"] == 1
    assert [said(webhook.body)["oneTimeProductNotification"] for webhook in play.sent] == [
        {"version": "1.0", "notificationType": kind, "purchaseToken": each, "sku": "coins_100"}
        for kind, each in ((1, token), (2, never))
    ]


async def test_a_test_purchase_says_so_and_moves_no_money(play, ask):
    token = play.buy("coins_100", "p1", is_test=True)
    newer = (await ask("GET", f"/purchases/productsv2/tokens/{token}")).json()

    assert (await ask("GET", product(token))).json()["purchaseType"] == 0
    assert newer["testPurchaseContext"] == {"fopType": "TEST"}
    assert play.books() == {}


async def test_what_is_not_acknowledged_in_three_days_is_refunded(play, ask):
    late, good, pending = (play.buy("coins_100", f"p{n}", is_pending=n == 2) for n in range(3))
    await ask("POST", f"{product(good)}:acknowledge", {})
    play.skew(3 * DAY - 60)
    assert (await ask("GET", "/purchases/voidedpurchases")).json() == {}
    play.skew(3 * DAY + 60)
    voided = (await ask("GET", "/purchases/voidedpurchases")).json()["voidedPurchases"]

    assert [(each["purchaseToken"], each["voidedReason"]) for each in voided] == [
        (late, UNACKNOWLEDGED)
    ]
    assert (await ask("GET", product(late))).json()["purchaseState"] == 1
    assert (await ask("GET", product(pending))).json()["purchaseState"] == 2
    assert play.books() == {
        "USD": {"payments": 258, "taxes": -30, "fees": -15, "refunds": -129},
    }


async def test_a_void_purchase_is_listed_for_thirty_days(play, ask):
    tokens = [play.buy("coins_100", f"p{n}") for n in range(3)]
    for token in tokens:
        play.void(token, CHARGEBACK)
    first = (await ask("GET", "/purchases/voidedpurchases", maxResults=2)).json()
    rest = await ask(
        "GET", "/purchases/voidedpurchases", token=first["tokenPagination"]["nextPageToken"]
    )
    old = int((time.time() - 40 * DAY) * 1000)
    too_old = await ask("GET", "/purchases/voidedpurchases", startTime=old)
    play.skew(31 * DAY)

    listed = first["voidedPurchases"] + rest.json()["voidedPurchases"]
    assert [each["purchaseToken"] for each in listed] == tokens
    assert {each["voidedReason"] for each in listed} == {CHARGEBACK}
    assert too_old.status_code == 400
    assert (await ask("GET", "/purchases/voidedpurchases")).json() == {}
    order = (await ask("GET", f"/orders/{play.purchases[tokens[0]].order_id}")).json()
    assert order["orderHistory"]["refundEvent"]["refundReason"] == "CHARGEBACK"
    assert play.charged() == {"USD": {"payments": 387, "disputes": -387}}


async def test_a_developer_refunds_with_or_without_taking_the_goods(play, ask):
    kept, taken = (play.buy("coins_100", f"p{n}") for n in range(2))
    orders = [play.purchases[token].order_id for token in (kept, taken)]
    await ask("POST", f"/orders/{orders[0]}:refund")
    await ask("POST", f"/orders/{orders[1]}:refund", revoke="true")
    twice = await ask("POST", f"/orders/{orders[1]}:refund", revoke="true")
    voided = (await ask("GET", "/purchases/voidedpurchases")).json()["voidedPurchases"]

    assert twice.status_code == 400
    assert [each["purchaseToken"] for each in voided] == [taken]
    assert (await ask("GET", product(kept))).json()["purchaseState"] == 0
    assert [(await ask("GET", f"/orders/{each}")).json()["state"] for each in orders] == [
        "REFUNDED",
        "REFUNDED",
    ]
    assert play.books()["USD"]["refunds"] == -258


async def test_a_review_is_answered_within_a_day(play, ask):
    token = play.buy("coins_100", "p1")
    review = play.ask_review(token)
    order = play.purchases[token].order_id
    answer = {
        "pendingRefundToken": review,
        "sampleContentProvided": False,
        "refundPreference": "DECLINE",
        "consumptionPercentageMilliunits": 24_000,
        "consumptionUsageEvents": [{"consumptionTime": "2026-11-01T10:00:00Z"}],
    }
    path = f"/orders/{order}:reviewrefund"
    statuses = [
        (await ask("POST", path, answer | wrong)).status_code
        for wrong in (
            {"pendingRefundToken": "other"},
            {"refundPreference": "REFUND_PREFERENCE_UNSPECIFIED"},
            {"consumptionPercentageMilliunits": 100_001},
            {"consumptionUsageEvents": [{}] * 1001},
            {},
        )
    ]
    play.skew(DAY + 60)
    late = await ask("POST", path, answer)

    assert statuses == [400, 400, 400, 400, 200]
    assert late.status_code == 400
    assert play.reviews[review].answers == [answer]
    asked = said(play.sent[-1].body)["pendingRefundReviewNotification"]
    assert (asked["pendingRefundToken"], asked["orderId"]) == (review, order)
    play.decide_review(review, is_refunded=True)
    assert said(play.sent[-1].body)["voidedPurchaseNotification"]["purchaseToken"] == token


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "other@example.com"},
        {"aud": "https://oauth2.googleapis.com/token"},
        {"scope": "email"},
        {"exp": 1},
        {"exp": 10**11},
    ],
)
async def test_a_wrong_assertion_gets_no_token(play, changed):
    assert (await log_in(play, **changed)).json()["error"] == "invalid_grant"


async def test_without_a_valid_token_nothing_is_said(play, ask):
    token = (await log_in(play)).json()["access_token"]
    play.skew(3601)
    async with httpx.AsyncClient(base_url=f"{play.url}{APP}") as client:
        old = await client.get(
            "/purchases/voidedpurchases", headers={"Authorization": f"Bearer {token}"}
        )

    assert old.status_code == 401
    assert (await ask("GET", product("unknown"))).status_code == 404
    other = await ask("GET", product(play.buy("coins_100", "p1"), "coins_yen"))
    assert other.json()["error"]["errors"][0]["reason"] == "purchaseTokenDoesNotMatchProductId"


async def test_a_push_carries_a_token_of_google_for_our_audience(play, receiver):
    play.buy("coins_100", "p1")
    await play.webhooks.wait_until_delivered()
    assert await play.forge() == 200
    tokens = [headers["Authorization"].removeprefix("Bearer ") for headers, _ in receiver.arrived]
    async with httpx.AsyncClient() as client:
        keys = (await client.get(f"{play.url}/oauth2/v3/certs")).json()
    key_set = KeySet.import_key_set(keys)

    claims = jwt.decode(tokens[0], key_set, ["RS256"]).claims
    assert (claims["iss"], claims["aud"]) == (ISSUER, "https://ovation.example/webhooks")
    assert (claims["email"], claims["email_verified"]) == (play.push_account, True)
    with pytest.raises(BadSignatureError):
        jwt.decode(tokens[1], key_set, ["RS256"])


async def test_another_account_of_google_has_genuine_tokens_too(play, receiver):
    play.push_account = "mallory@example.com"
    play.test_notification()
    await play.webhooks.wait_until_delivered()
    token = receiver.arrived[0][0]["Authorization"].removeprefix("Bearer ")
    async with httpx.AsyncClient() as client:
        keys = KeySet.import_key_set((await client.get(f"{play.url}/oauth2/v3/certs")).json())

    assert jwt.decode(token, keys, ["RS256"]).claims["email"] == "mallory@example.com"


async def test_a_repeated_push_has_the_same_message_id(play, receiver):
    play.repeat()
    play.test_notification()
    await play.webhooks.wait_until_delivered()

    ids = [json.loads(body)["message"]["messageId"] for _, body in receiver.arrived]
    assert len(ids) == 2
    assert len(set(ids)) == 1


@pytest.mark.parametrize("status", [409, 429, 500, 503])
async def test_every_call_can_fail(play, ask, status):
    token = play.buy("coins_100", "p1")
    operation = "POST /androidpublisher/v3/applications/{packageName}/purchases/products"
    play.fail(status, operation=operation + "/{productId}/tokens/{token}:consume")

    answers = [await ask("POST", f"{product(token)}:consume") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, 200]


async def test_a_request_that_google_would_refuse_is_refused(play, ask):
    token = play.buy("coins_100", "p1")
    wrong = await ask("POST", f"{product(token)}:acknowledge", {"developerPayloads": "x"})
    number = await ask("GET", "/purchases/voidedpurchases", maxResults="many")
    unknown = await ask("GET", "/purchases/voidedpurchases", max=3)

    assert [each.status_code for each in (wrong, number, unknown)] == [400, 400, 400]
    assert len(play.take_violations()) == 3


async def test_an_answer_that_google_would_not_give_fails_the_test(receiver):
    play = await GooglePlay(webhooks=receiver.url).start()
    token = play.buy("coins_100", "p1")
    play.purchases[token].order_state = "SHIPPED"
    headers = {"Authorization": f"Bearer {(await log_in(play)).json()['access_token']}"}
    async with httpx.AsyncClient() as client:
        path = f"{play.url}{APP}/orders/{play.purchases[token].order_id}"
        await client.get(path, headers=headers)

    with pytest.raises(Contradiction, match="SHIPPED"):
        await play.stop()
