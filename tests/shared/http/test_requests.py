"""What a request has to be: its body, its fields, its key."""

import pytest

from shared.http import (
    BODY_BYTES_MAX,
)
from tests.shared.http.shop import an_ask, problem_of


async def test_a_good_request_goes_through(client):
    answer = await client.post("/v1/asks/7", **an_ask())

    assert answer.status_code == 200
    assert answer.json()["coins"] == 5


@pytest.mark.parametrize("body", [b'{"coins": ', b"\xff\xfe{", b"[" * 60_000], ids=repr)
async def test_what_is_not_json_is_malformed(client, body):
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}

    answer = await client.post("/v1/asks/7", content=body[:70_000], headers=headers)

    assert problem_of(answer) == (400, "malformed-json")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"coins": "five-secret"}', "body.coins"),
        (b'{"coins": NaN}', "body.coins"),
        (b'{"coins": 1.5}', "body.coins"),
        (b'{"coins": 5, "not a name, secret": 1}', "body.?"),
        (b'{"coins": 5, "\\ud800": 1}', "body"),
    ],
)
async def test_a_wrong_field_is_named_and_its_value_is_not_repeated(client, body, where):
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}

    answer = await client.post("/v1/asks/7", content=body, headers=headers)

    assert problem_of(answer) == (422, "invalid-request")
    assert [error["where"] for error in answer.json()["errors"]] == [where]
    assert "secret" not in answer.text


async def test_the_words_for_unions_and_ids_do_not_quote_the_input(client):
    wish = {"gift": {"kind": "my-secret"}, "room": "zecret", "coins": 1}

    answer = await client.post("/v1/wishes", json=wish)

    assert problem_of(answer) == (422, "invalid-request")
    assert len(answer.json()["errors"]) == 2
    assert "secret" not in answer.text
    assert "`z`" not in answer.text


async def test_a_thousand_faults_do_not_make_a_long_answer(client):
    faults = {f"field{number}": 1 for number in range(1_000)}

    answer = await client.post("/v1/asks/7", **an_ask(json={"coins": 5, **faults}))

    assert len(answer.json()["errors"]) == 20


@pytest.mark.parametrize(
    "declared",
    [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}],
    ids=repr,
)
@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k"}], ids=repr)
async def test_a_body_that_is_not_declared_as_json_is_told_how_to_be(client, declared, key):
    answer = await client.post("/v1/asks/7", content=b'{"coins": 5}', headers={**declared, **key})

    assert problem_of(answer) == (415, "unsupported-media-type")
    assert "Content-Type: application/json" in answer.json()["title"]
    assert answer.headers["accept"] == "application/json"


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "application/merge-patch+json"]
)
async def test_every_kind_of_json_is_taken(client, kind):
    headers = {"Idempotency-Key": "k", "Content-Type": kind}

    answer = await client.post("/v1/asks/7", content=b'{"coins": 5}', headers=headers)

    assert answer.status_code == 200


async def test_a_body_that_is_missing_is_named(client):
    answer = await client.post("/v1/asks/7", headers={"Idempotency-Key": "k"})

    assert problem_of(answer) == (422, "invalid-request")
    assert [error["where"] for error in answer.json()["errors"]] == ["body"]


@pytest.mark.parametrize("path", ["/v1/asks/7", "/v1/raw"])
@pytest.mark.parametrize("declared", [True, False])
async def test_a_huge_body_is_refused_whether_or_not_its_length_is_declared(client, path, declared):
    async def pieces():
        for _ in range(BODY_BYTES_MAX // 1_024 + 1):
            yield b" " * 1_024

    content = b" " * (BODY_BYTES_MAX + 1) if declared else pieces()
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}

    answer = await client.post(path, content=content, headers=headers)

    assert ("content-length" in answer.request.headers) == declared
    assert problem_of(answer) == (413, "body-too-large")


async def test_the_largest_body_allowed_is_allowed(client):
    answer = await client.post("/v1/raw", content=b"x" * BODY_BYTES_MAX)

    assert answer.json() == BODY_BYTES_MAX


async def test_an_absurd_length_is_refused_without_being_converted(client):
    answer = await client.post("/v1/raw", content=b"", headers={"Content-Length": "9" * 5_000})

    assert problem_of(answer) == (413, "body-too-large")


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("8e03-978e", "8e03-978e"),
        ('"8e03-978e"', "8e03-978e"),
        (r'"a\"b\\c"', r"a\"b\\c".replace(r"\"", '"').replace(r"\\", "\\")),
        ("k" * 128, "k" * 128),
    ],
)
async def test_a_key_may_be_quoted_or_bare(client, header, key):
    answer = await client.post("/v1/asks/7", **an_ask(headers={"Idempotency-Key": header}))

    assert answer.json()["key"] == key


@pytest.mark.parametrize("header", [None, "", '""', '"open', '"a"b"', "k" * 129, "clé", "a\tb"])
async def test_a_missing_or_unfit_key_is_malformed(client, header):
    headers = {} if header is None else {"Idempotency-Key": header.encode("latin-1")}

    answer = await client.post("/v1/asks/7", **an_ask(headers=headers))

    assert problem_of(answer) == (400, "idempotency-key-missing")
