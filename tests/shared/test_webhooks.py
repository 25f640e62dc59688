"""Webhooks while their secret is replaced: neither side has to learn of it first."""

import base64
from datetime import UTC, datetime

import pytest

from shared.http.webhooks import Signatures

BODY = '{"type": "payment.succeeded"}'
OLD, NEW, OTHERS = (
    f"whsec_{base64.b64encode(text.center(32).encode()).decode()}"
    for text in ("the one before", "the newest", "somebody else's")
)


def heard_by(receiver, sender):
    """Whether a receiver takes what a sender signs, each knowing its own secrets."""
    now = datetime.now(UTC)
    headers = {
        "Webhook-Id": "evt_1",
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": Signatures(sender).sign("evt_1", now, BODY),
    }
    return Signatures(receiver).are_on(BODY.encode(), headers)


@pytest.mark.parametrize("receiver", [OLD, f"{NEW}\n{OLD}\n", NEW])
def test_a_webhook_signed_with_both_is_taken_by_whoever_knows_one(receiver):
    assert heard_by(receiver, f"{NEW}\n{OLD}\n")


@pytest.mark.parametrize("sender", [OLD, NEW])
def test_who_knows_both_takes_a_webhook_signed_with_either(sender):
    assert heard_by(f"{NEW}\n{OLD}", sender)


@pytest.mark.parametrize(
    ("receiver", "sender"),
    [(NEW, OLD), (OLD, NEW), (f"{NEW}\n{OLD}", OTHERS), (NEW, f"{OTHERS}\n{OLD}\n{NEW}")],
)
def test_a_secret_that_was_forgotten_or_is_somebody_else_s_signs_nothing(receiver, sender):
    assert not heard_by(receiver, sender)
