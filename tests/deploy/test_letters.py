"""A dead letter may be anything: it is shown all the same, and can be sent again."""

from types import SimpleNamespace

import pytest

from deploy.ctl.letters import _as_messages, readable


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
    letter = SimpleNamespace(headers=headers, type="t", message_id="m", correlation_id="", body=b"")

    (message,) = [each async for each in _as_messages([letter])]

    assert message.headers == {"ovation_redrive": counted}
