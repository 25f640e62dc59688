"""What takes GET takes HEAD: the same answer without its body."""

import pytest
from fastapi.responses import StreamingResponse

# These name a moment or a request in their answer.
OF_ONE_ANSWER = ("date", "x-request-id")


def described(answer):
    kept = {name: value for name, value in answer.headers.items() if name not in OF_ONE_ANSWER}
    return answer.status_code, kept


@pytest.mark.parametrize("path", ["/livez", "/v1/days", "/v1/fails/poor", "/v1/nothing"])
async def test_a_head_is_answered_like_a_get_without_the_body(client, path):
    wanted = await client.get(path)

    answer = await client.head(path)

    assert answer.content == b""
    # The id of a request has one length, so both bodies have.
    assert described(answer) == described(wanted)


async def test_a_head_of_an_address_without_get_is_told_the_right_methods(client):
    answer = await client.head("/v1/asks/7")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


async def test_the_head_of_a_feed_ends_at_once(app, client):
    written = []

    @app.get("/v1/feed")
    async def feed() -> StreamingResponse:
        async def events():
            while True:
                written.append(1)
                yield b"data: 1\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    answer = await client.head("/v1/feed")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert written == [1]


async def test_a_head_is_counted_as_one_at_its_route(client):
    await client.head("/v1/fails/poor")

    text = (await client.get("/metrics")).text
    assert 'method="HEAD",route="/v1/fails/{how}",status="402"' in text
