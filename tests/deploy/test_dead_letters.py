"""A dead letter may be anything: it is shown all the same, and can be sent again."""

from types import SimpleNamespace

import pytest

from deploy.ctl.dead_letters import _redeliveries, readable
from deploy.ctl.reconcile import FLOWS, _beyond_outbox
from shared.messaging.dead_letters import refusal


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b"not json", "not json"),
        (b"", ""),
        (b"\xff", "\ufffd"),
        (b"[" * 100_000, "[" * 100_000),
        (b"9" * 5_000, "9" * 5_000),
    ],
    ids=["JSON", "text", "nothing", "no text", "deep", "a huge number"],
)
def test_whatever_a_letter_holds_can_be_shown(body, shown):
    assert readable(body) == shown


@pytest.mark.parametrize(
    ("said", "counted"),
    [("1", "2"), (None, "1"), ("often", "1"), ("9" * 400, "1"), ({"n": 1}, "1")],
    ids=["once", "never", "a word", "beyond counting", "a table"],
)
async def test_how_often_a_letter_was_redriven_is_counted_whatever_its_header_says(said, counted):
    headers = {"ovation_redrive": said, "ovation_error_code": "never-right"}
    known = {"user_id": "live", "type": "dev.ovation.gift.sent.v1", "message_id": "m"}
    letter = SimpleNamespace(headers=headers, **known, correlation_id="", body=b"")

    (message,) = [each async for each in _redeliveries([letter], "live.gifts")]

    assert message.headers == {"ovation_redrive": counted}
    assert message.original_publisher == "gift"


SENT = "dev.ovation.gift.sent.v1"
WHO_SAID_IT = {
    "parked by its service": ("live", {"ovation_said_by": "gift"}, True),
    "parked by its service, of the version before": ("live", {"ovation_publisher": "gift"}, True),
    "a retry, parked by the version before": ("live", {"ovation_publisher": "live"}, True),
    "repeated by an operator, parked by the version before": (
        *("live", {"ovation_publisher": "ovationctl"}),
        True,
    ),
    "a retry that crashed the consumer": ("live", {"x-first-death-reason": "delivery_limit"}, True),
    "set aside by the broker": ("gift", {"x-first-death-reason": "maxlen"}, True),
    "repeated, and crashed the consumer": ("ovationctl", {"ovation_said_by": "gift"}, True),
    "repeated without naming anybody": ("ovationctl", {"ovation_publisher": "gift"}, False),
    "repeated in the name of another": ("ovationctl", {"ovation_said_by": "wallet"}, False),
    "put there by another service": ("wallet", {"ovation_said_by": "gift"}, False),
    "parked by another service": ("wallet", {"ovation_publisher": "gift"}, False),
    "put there by nobody": (None, {"ovation_said_by": "gift"}, False),
    "said by another, parked": ("live", {"ovation_said_by": "wallet"}, False),
    "said by another, parked by the version before": (
        *("live", {"ovation_publisher": "wallet"}),
        False,
    ),
    "said by a name that is no text": ("live", {"ovation_publisher": {"n": 1}}, False),
    "refused because of who said it": (
        *("live", {"ovation_said_by": "gift", "ovation_error_code": "foreign-publisher"}),
        False,
    ),
}


@pytest.mark.parametrize(("user", "headers", "may"), WHO_SAID_IT.values(), ids=WHO_SAID_IT)
def test_a_letter_is_sent_again_only_if_its_owner_said_it(user, headers, may):
    """The broker checks `user_id`; what a header says counts only if its writer may forward."""
    letter = SimpleNamespace(user_id=user, headers=headers, type=SENT)

    assert (refusal(letter, "live.gifts") is None) is may


@pytest.mark.parametrize("user", ["gift", "wallet"])
def test_a_letter_of_a_team_is_what_the_owner_said(user):
    """No service parks there: the broker itself sets aside what a team lost or rejected."""
    letter = SimpleNamespace(user_id=user, headers={"ovation_said_by": "gift"}, type=SENT)

    assert (refusal(letter, "team.charts.events") is None) is (user == "gift")


@pytest.mark.parametrize(
    ("letters", "waiting", "found"),
    [(2, 0, "dlq"), (3, 5, "dlq"), (1, 0, "lost"), (0, 0, "lost"), (1, 4, "queue")],
)
def test_who_may_not_look_into_letters_counts_them(letters, waiting, found):
    """As many things as there are letters may be in them; of more, some are somewhere else."""
    held = {"payout.gifts": waiting, "payout.gifts.dlq": letters}
    auditor = SimpleNamespace(dead_letters_in=lambda _: None, messages_in=held.get)
    (flow,) = (flow for flow in FLOWS if flow.queue == "payout.gifts")

    assert set(_beyond_outbox(auditor, flow, ["one", "other"]).values()) == {found}
