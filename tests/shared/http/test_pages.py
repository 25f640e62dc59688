"""Cursors, moments and fingerprints."""

import base64
import json

import pytest

from shared.http import (
    BadCursor,
    decode_cursor,
    encode_cursor,
)
from shared.idempotency import fingerprint
from tests.shared.http.shop import Ask, problem_of


@pytest.mark.parametrize(
    "values", [[], [7], ["2026-01-01T00:00:00+00:00", "ü-🌹", 2**63 - 1], [2**63 - 1, "🌹" * 255]]
)
def test_a_cursor_comes_back_as_it_went(values):
    assert decode_cursor(encode_cursor(values)) == values


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!!!",
        "ü",
        "e30",
        encode_cursor([2**63]),
        encode_cursor(["\x00"]),
        "WyJcdWQ4MDAiXQ",  # half of a surrogate pair
        "W3RydWVd",  # [true]
        "WzEuNV0",  # [1.5]
        "W1tbW1tb" * 5_000,
        base64.urlsafe_b64encode(json.dumps([1] * 1_000).encode()).decode(),  # sound, but too long
    ],
)
async def test_a_cursor_that_we_did_not_make_is_refused(client, cursor):
    with pytest.raises(BadCursor):
        decode_cursor(cursor)
    answer = await client.get("/v1/lists", params={"cursor": cursor})
    assert problem_of(answer) == (400, "bad-cursor")


@pytest.mark.parametrize("limit", [0, 101, "many"])
async def test_a_page_has_a_largest_size(client, limit):
    answer = await client.get("/v1/lists", params={"cursor": encode_cursor([1]), "limit": limit})

    assert problem_of(answer) == (422, "invalid-request")


@pytest.mark.parametrize("until", ["0", "1.5", "-1", "946684800", "2000-01-01", "2000-01-01T00:00"])
async def test_a_moment_is_written_and_never_counted_in_seconds(client, until):
    good = await client.get("/v1/days", params={"until": "2000-01-01T00:00:00+01:00"})
    bad = await client.get("/v1/days", params={"until": until})

    assert good.json() == "1999-12-31T23:00:00+00:00"
    assert problem_of(bad) == (422, "invalid-request")


@pytest.mark.parametrize("until", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:00:00-01:00"])
async def test_a_moment_outside_of_time_is_refused(client, until):
    answer = await client.get("/v1/days", params={"until": until})

    assert problem_of(answer) == (422, "invalid-request")


def test_a_fingerprint_sees_values_and_not_their_order():
    first = Ask.model_validate_json('{"coins": 5, "note": "a"}')
    turned = Ask.model_validate_json('{"note": "a", "coins": 5}')

    assert fingerprint(first) == fingerprint(turned)
    assert fingerprint(first) != fingerprint(Ask(coins=6, note="a"))
    assert fingerprint(Ask(coins=5)) == fingerprint(Ask(coins=5, note=""))


def test_a_request_that_is_repeated_after_an_upgrade_with_a_new_optional_field_is_the_same():
    class NewAsk(Ask):
        mood: str | None = None

    before = fingerprint(Ask(coins=5))

    assert fingerprint(NewAsk(coins=5)) == before
    assert fingerprint(NewAsk(coins=5, mood="sunny")) != before
