"""Creators open rooms, have guests, close them; gifts belong to the stream they were sent in."""

from datetime import UTC, datetime, timedelta

from tests.live.conftest import a_gift_sent, a_reversal

STREAM = "/v1/rooms/room-1/stream"


async def test_who_opens_a_room_first_owns_it(lea, otto, mira):
    opened = await lea.put(STREAM, json={"title": "Good morning"})

    assert opened.status_code == 200
    assert (opened.json()["creator"], opened.json()["title"]) == ("lea", "Good morning")
    assert (await otto.put(STREAM, json={})).json()["code"] == "room-of-another"
    assert (await otto.delete(STREAM)).status_code == 403
    assert (await mira.put(STREAM, json={})).json()["code"] == "creators-only"
    room = (await mira.get("/v1/rooms/room-1")).json()
    assert (room["creator"], room["live"]) == ("lea", True)
    assert room["stream"]["stream"] == opened.json()["stream"]


async def test_opening_again_changes_the_title_and_closing_ends_it_once(lea, published):
    first = (await lea.put(STREAM, json={"title": "One"})).json()
    again = (await lea.put(STREAM, json={"title": "Two"})).json()

    assert (again["stream"], again["title"]) == (first["stream"], "Two")
    assert (await lea.delete(STREAM)).json()["closed_at"] is not None
    assert (await lea.delete(STREAM)).json()["code"] == "not-live"
    assert (await lea.put(STREAM, json={})).json()["stream"] != first["stream"]
    assert [event["title"] for event in await published("live.room_opened")] == ["One", None]
    assert len(await published("live.room_closed")) == 1


async def test_a_room_nobody_opened_cannot_be_closed_or_have_guests(lea):
    assert (await lea.delete(STREAM)).json()["code"] == "no-such-room"
    assert (await lea.put("/v1/rooms/room-1/guests/otto")).status_code == 404


async def test_who_is_live_is_listed_page_by_page(lea, otto, mira):
    for number, creator in enumerate((lea, otto, lea)):
        await creator.put(f"/v1/rooms/room-{number}/stream", json={})
    await otto.delete("/v1/rooms/room-1/stream")

    page = (await mira.get("/v1/rooms?live=true&limit=1")).json()
    rest = (await mira.get(f"/v1/rooms?limit=1&cursor={page['next_cursor']}")).json()

    assert [room["room"] for room in page["items"] + rest["items"]] == ["room-2", "room-0"]
    assert rest["next_cursor"] is None
    assert (await mira.get("/v1/rooms?cursor=nonsense")).json()["code"] == "bad-cursor"


async def test_guests_come_and_go_and_there_are_only_so_many(lea, otto, mira):
    await lea.put(STREAM, json={})

    assert (await otto.put("/v1/rooms/room-1/guests/otto")).status_code == 403
    for _ in range(2):
        guests = await lea.put("/v1/rooms/room-1/guests/otto")
        assert guests.json()["guests"] == ["otto"]
    for number in range(15):
        await lea.put(f"/v1/rooms/room-1/guests/guest-{number}")
    refused = await lea.put("/v1/rooms/room-1/guests/one-more")
    assert refused.json()["code"] == "too-many-guests"
    await lea.delete("/v1/rooms/room-1/guests/otto")
    assert "otto" not in (await mira.get("/v1/rooms/room-1")).json()["guests"]


async def test_a_gift_belongs_to_the_stream_that_was_open_when_it_was_sent(lea, receive, published):
    before = datetime.now(UTC)
    stream = (await lea.put(STREAM, json={})).json()["stream"]
    await receive(a_gift_sent(7), at=before)
    await receive(a_gift_sent(10), a_gift_sent(5, viewer="jonas"))
    closed = (await lea.delete(STREAM)).json()
    late = a_gift_sent(20)
    # Sent while the room was live, and received only now.
    await receive(late, at=datetime.fromisoformat(closed["closed_at"]) - timedelta(microseconds=1))
    await receive(a_gift_sent(40))

    assert (closed["coins"], closed["gifts"], closed["gifters"]) == (15, 2, 2)
    (event,) = await published("live.room_closed")
    assert (event["coins"], event["gifts"], event["gifters"]) == (15, 2, 2)
    address = f"/v1/rooms/room-1/streams/{stream}"
    summary = (await lea.get(address)).json()
    assert (summary["coins"], summary["gifts"], summary["gifters"]) == (35, 3, 2)
    assert [top["viewer"] for top in summary["top_gifters"]] == ["mira", "jonas"]
    # Mira gave to Lea before.
    assert summary["first_time_gifters"] == ["jonas"]

    await receive(a_reversal(late, 1, 20))
    assert (await lea.get(address)).json()["coins"] == 15


async def test_a_stream_never_begins_before_a_gift_that_was_counted(lea, receive):
    """The clock of who sends gifts may be ahead of ours."""
    ahead = datetime.now(UTC) + timedelta(seconds=30)
    await receive(a_gift_sent(10), at=ahead)

    opened = (await lea.put(STREAM, json={})).json()
    closed = (await lea.delete(STREAM)).json()

    assert datetime.fromisoformat(opened["opened_at"]) > ahead
    assert closed["coins"] == 0


async def test_summaries_are_for_the_creator(lea, otto, mira):
    stream = (await lea.put(STREAM, json={})).json()["stream"]
    await lea.delete(STREAM)
    await lea.put(STREAM, json={})

    for address in ("/v1/rooms/room-1/streams", f"/v1/rooms/room-1/streams/{stream}"):
        assert (await otto.get(address)).status_code == 403
        assert (await mira.get(address)).status_code == 403
    page = (await lea.get("/v1/rooms/room-1/streams?limit=1")).json()
    rest = await lea.get(f"/v1/rooms/room-1/streams?cursor={page['next_cursor']}")
    assert [item["stream"] for item in rest.json()["items"]] == [stream]
    unknown = "/v1/rooms/room-1/streams/00000000-0000-0000-0000-000000000000"
    assert (await lea.get(unknown)).json()["code"] == "no-such-stream"


async def test_a_creator_finds_their_rooms_and_the_one_they_are_live_in(lea, otto, mira):
    for room in ("attic", "room-1"):
        await lea.put(f"/v1/rooms/{room}/stream", json={"title": room})
    await otto.put("/v1/rooms/room-2/stream", json={})
    await lea.delete(STREAM)

    rooms = (await lea.get("/v1/creators/me/rooms")).json()["items"]

    assert [(each["room"], each["stream"] is not None) for each in rooms] == [
        ("attic", True),
        ("room-1", False),
    ]
    assert rooms[0]["stream"]["title"] == "attic"
    assert (await mira.get("/v1/creators/me/rooms")).json()["code"] == "creators-only"


async def test_a_creator_finds_their_streams_of_all_rooms_page_by_page(lea, otto, mira, receive):
    for room in ("room-1", "attic"):
        await lea.put(f"/v1/rooms/{room}/stream", json={})
    await otto.put("/v1/rooms/room-2/stream", json={})
    await receive(a_gift_sent(10))

    page = (await lea.get("/v1/creators/me/streams?limit=1")).json()
    rest = (await lea.get(f"/v1/creators/me/streams?cursor={page['next_cursor']}")).json()

    found = page["items"] + rest["items"]
    assert [(each["room"], each["coins"]) for each in found] == [("attic", 0), ("room-1", 10)]
    assert rest["next_cursor"] is None
    assert (await mira.get("/v1/creators/me/streams")).json()["code"] == "creators-only"
    assert (await lea.get("/v1/creators/me/streams?cursor=x")).json()["code"] == "bad-cursor"
