"""The pay page: what each test card does, and what the page lets nobody do."""

import asyncio

import pytest

from services.sandbox import provider

GOOD_CARD = "4242 4242 4242 4242"
DECLINED_CARD = "4000 0000 0000 0002"
SLOW_CARD = "4000 0000 0000 3220"
DISPUTED_CARD = "4000 0000 0000 0259"
UNKNOWN_CARD = "4111 1111 1111 1111"


@pytest.fixture
def hurry(monkeypatch):
    """Let the provider's delays pass a hundred times faster; nothing else changes."""
    for name in ("SLOW_CARD_SECONDS", "DISPUTE_AFTER_SECONDS", "REFUND_SECONDS"):
        monkeypatch.setattr(provider, name, getattr(provider, name) / 100)


def test_the_delays_are_the_documented_ones():
    assert (provider.SLOW_CARD_SECONDS, provider.DISPUTE_AFTER_SECONDS) == (3, 3)


@pytest.mark.parametrize("card", [GOOD_CARD, "4242424242424242", " 4242 42424242 4242 "])
async def test_a_good_card_pays_at_once_with_or_without_spaces(asked, pay, read, delivered, card):
    payment = await asked()

    answer = await pay(payment, card)

    assert answer.status_code == 200
    assert "succeeded" in answer.text
    (event,) = await delivered(1)
    assert event["type"] == "payment.succeeded"
    assert event["data"]["object"] == await read(payment)
    assert (await read(payment))["paid_at"] is not None


async def test_cards_of_a_number_are_told_apart_by_what_follows_a_dash(asked, pay, read):
    fingerprints = []
    for number, holder in enumerate(("-mira", "-mira", "-lea", "")):
        payment = await asked(key=f"k{number}")
        await pay(payment, GOOD_CARD + holder)
        fingerprints.append((await read(payment))["fingerprint"])

    mira, again, lea, anybodys = fingerprints
    assert mira == again != lea
    assert anybodys is None


async def test_a_declined_card_fails_the_payment_with_its_reason(asked, pay, read, delivered):
    payment = await asked()

    answer = await pay(payment, DECLINED_CARD)

    assert "card_declined" in answer.text
    failed = await read(payment)
    assert (failed["status"], failed["failure_reason"]) == ("failed", "card_declined")
    assert failed["paid_at"] is None
    assert [event["type"] for event in await delivered(1)] == ["payment.failed"]


async def test_after_a_declined_card_another_may_be_tried(asked, pay, read):
    payment = await asked()

    await pay(payment, DECLINED_CARD)
    await pay(payment, GOOD_CARD)

    paid = await read(payment)
    assert (paid["status"], paid["failure_reason"]) == ("succeeded", None)


async def test_a_slow_card_is_processing_first(asked, pay, read, delivered, shop, hurry):
    payment = await asked()

    await pay(payment, SLOW_CARD)

    assert (await read(payment))["status"] == "processing"
    cancel = await shop.post(f"/payments/{payment['id']}/cancel")
    assert (cancel.status_code, cancel.json()["code"]) == (409, "already-paid")
    events = await delivered(2)
    assert [event["type"] for event in events] == ["payment.processing", "payment.succeeded"]
    assert [event["data"]["object"]["status"] for event in events] == ["processing", "succeeded"]
    assert (await read(payment))["status"] == "succeeded"


async def test_a_disputed_card_pays_and_is_disputed_later(asked, pay, read, delivered, hurry):
    payment = await asked()

    await pay(payment, DISPUTED_CARD)

    assert (await read(payment))["disputes"] == []
    events = await delivered(2)
    assert [event["type"] for event in events] == ["payment.succeeded", "payment.disputed"]
    (dispute,) = (await read(payment))["disputes"]
    assert (dispute["status"], dispute["reason"]) == ("open", "fraudulent")
    assert dispute["amount_minor"] == payment["amount_minor"]


@pytest.mark.parametrize("card", [UNKNOWN_CARD, "", "<script>"])
async def test_another_card_changes_nothing_and_may_be_corrected(asked, pay, read, card):
    payment = await asked()

    answer = await pay(payment, card)

    assert answer.status_code == 422
    assert "test cards only" in answer.text
    assert "<form" in answer.text
    assert "<script>" not in answer.text
    assert (await read(payment))["status"] == "open"


async def test_ten_clicks_at_once_pay_once(asked, pay, delivered, receiver):
    payment = await asked()

    answers = await asyncio.gather(*(pay(payment, GOOD_CARD) for _ in range(10)))

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 9]
    await delivered(1)
    await asyncio.sleep(0.05)
    assert receiver.types == ["payment.succeeded"]


async def test_the_browser_is_sent_back_after_paying(asked, pay):
    payment = await asked(return_url="https://app.example/coins?from=room")

    answer = await pay(payment, GOOD_CARD)

    assert answer.status_code == 303
    assert answer.headers["location"] == "https://app.example/coins?from=room"


async def test_a_program_that_pays_is_answered_in_json(asked, pay):
    payment = await asked(return_url="https://app.example/coins")

    paid = await pay(payment, GOOD_CARD, Accept="application/json")
    again = await pay(payment, GOOD_CARD, Accept="application/json")

    assert (paid.status_code, paid.json()["status"]) == (200, "succeeded")
    assert (again.status_code, again.json()["code"]) == (409, "not-payable")


async def test_the_page_shows_the_amount_and_every_test_card(asked, browser):
    payment = await asked(amount_minor=9999)

    answer = await browser.get(f"/pay/{payment['id']}")

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "99.99 USD" in answer.text
    for card in (GOOD_CARD, DECLINED_CARD, SLOW_CARD, DISPUTED_CARD):
        assert card in answer.text
    # A label that belongs to its field is what a screen reader reads out.
    assert "<label for='card'>" in answer.text
    assert "id='card'" in answer.text


@pytest.mark.parametrize(
    ("amount_minor", "currency", "shown"),
    [
        (160, "JPY", "160 JPY"),
        (5, "EUR", "0.05 EUR"),
        (100, "GBP", "1.00 GBP"),
        (950, "CLP", "950 CLP"),
        (25_000, "VND", "25000 VND"),
        (140, "ISK", "140 ISK"),
        (600, "XOF", "600 XOF"),
        (305, "KWD", "0.305 KWD"),
    ],
)
async def test_amounts_are_written_as_people_read_them(
    asked, browser, amount_minor, currency, shown
):
    payment = await asked(amount_minor=amount_minor, currency=currency)

    assert f">{shown}<" in (await browser.get(f"/pay/{payment['id']}")).text


async def test_the_form_leads_back_to_the_page_wherever_the_gateway_put_it(asked, browser):
    """Relative to /sandbox/pay/<id>, which the gateway strips and the sandbox never sees."""
    payment = await asked()

    page = (await browser.get(f"/pay/{payment['id']}")).text

    assert f"action='{payment['id']}'" in page


async def test_the_page_shows_markup_as_text(asked, browser):
    payment = await asked(description="<img src=x onerror='alert(1)'>\"&")

    page = (await browser.get(f"/pay/{payment['id']}")).text

    assert "<img" not in page
    assert "&lt;img src=x onerror=&#x27;alert(1)&#x27;&gt;&quot;&amp;" in page


async def test_the_page_runs_no_script_and_cannot_be_framed(asked, browser, pay):
    payment = await asked()

    answers = [await browser.get(f"/pay/{payment['id']}"), await pay(payment, GOOD_CARD)]

    for answer in answers:
        policy = answer.headers["content-security-policy"].split("; ")
        assert "default-src 'none'" in policy
        assert "form-action 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "<script" not in answer.text


@pytest.mark.parametrize(
    ("return_url", "allowed"),
    [
        ("https://app.example/coins?x=1", "'self' https://app.example"),
        ("http://127.0.0.1:8080/", "'self' http://127.0.0.1:8080"),
        ("https://app.example", "'self' https://app.example"),
        ("https://app.example;script-src/", "'self'"),
        ("https://someone@app.example/", "'self'"),
    ],
)
async def test_the_page_may_send_people_back_to_the_shop_and_nowhere_else(
    asked, browser, return_url, allowed
):
    """Chromium applies form-action to the redirect after the form, too."""
    payment = await asked(return_url=return_url)

    answer = await browser.get(f"/pay/{payment['id']}")

    policy = answer.headers["content-security-policy"].split("; ")
    assert f"form-action {allowed}" in policy
    assert len(policy) == 5


async def test_a_payment_that_does_not_exist_has_no_page(browser):
    assert (await browser.get("/pay/pay_none")).status_code == 404


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize(
    ("card", "status"),
    [("4000 0000 0000 7726", "succeeded"), ("4000 0000 0000 5126", "failed")],
)
async def test_two_cards_decide_later_what_becomes_of_a_refund(
    asked, pay, shop, delivered, card, status
):
    payment = await asked()
    await pay(payment, card)

    await shop.post(
        f"/payments/{payment['id']}/refunds",
        json={"amount_minor": 499},
        headers={"Idempotency-Key": "refund-1"},
    )

    assert (await delivered(3))[-1]["type"] == f"refund.{status}"
