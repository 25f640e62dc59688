"""A subject of 255 characters, as long as OpenID Connect allows, does all that a short one does."""

from types import SimpleNamespace
from urllib.parse import quote
from uuid import uuid4

import pytest

from shared.http.person_paths import person_part
from tests.journeys.people import decided, eventually, stage_on
from tests.journeys.test_erasure import erase

CHARACTERS = 255
# Of the ends that tell people here apart, and of what `Person` adds.
ENDS = 7


def give(person, wish):
    return decided(lambda key: person.post("/v1/gifts", wish, key=key))


def ascii_id(name):
    """An id as a directory makes them: spaces, commas, signs that mean something in an address."""
    return f"CN={name}+1?#&%2F;|, OU={'staff ' * CHARACTERS}"


def strange_id(name):
    """An id that means another path, string or format wherever it is not encoded."""
    return f"~../{name}/%2e%2F\\\"'${{x}}{{}};--|😀\u202e" + 'é/.. %00"' * CHARACTERS


def wide_id(name):
    """An id that takes four bytes of UTF-8 a character, and twelve in an address."""
    return name + "".join(chr(0x20000 + 7 * place) for place in range(CHARACTERS))


@pytest.fixture(params=[ascii_id, wide_id, strange_id], ids=["ascii", "four-bytes", "strange"])
def cast(request, system):
    """Everybody who is somebody in this story, each with an id of 255 characters."""
    with stage_on(system) as stage:

        def a_person(name, **claims):
            long = request.param(name)[: CHARACTERS - ENDS]
            person = stage.person(long, **claims)
            assert len(person.user) == CHARACTERS
            return person

        operators = ["limits:write", "wallets:freeze", "wallets:read", "adjustments:write"]
        operators += ["audit:read", "disputes:read", "payouts:review", "refunds:write"]
        yield SimpleNamespace(
            stage=stage,
            mira=a_person("mira"),
            jonas=a_person("jonas", country="DE"),
            lea=a_person("lea", roles=["creator"]),
            tomas=a_person("tomas", roles=["creator"]),
            ann=a_person("ann", roles=["operator"], scopes=operators),
            ben=a_person("ben", roles=["operator"], scopes=operators),
            room=f"room-{uuid4().hex[:6]}",
            gifts=[],
            purchases={},
        )


def part(person):
    return quote(person_part(person.user), safe="")


def test_people_with_the_longest_ids_buy_give_earn_are_stopped_and_are_paid_out(cast, system):
    open_the_room(cast)
    buy_and_give(cast)
    look_at_everybody(cast)
    block_a_viewer(cast)
    stop_a_wallet(cast)
    cash_out(cast)
    take_money_back(cast)
    forget(cast)

    queues = {each["name"]: each for each in system.rabbit.manage("GET", "/api/queues")}
    dead_letters = {name for name in queues if name.endswith(".dlq")}
    assert dead_letters
    assert [name for name in dead_letters if queues[name].get("messages")] == []


def open_the_room(cast):
    cast.lea.put(f"/v1/rooms/{cast.room}/stream", {"title": "long"})
    cast.lea.put(f"/v1/rooms/{cast.room}/guests/{part(cast.tomas)}", {})
    path = f"/v1/gifts/creators/{part(cast.lea)}/rooms/{cast.room}"
    eventually(lambda: cast.lea._http.put(path, json={"gifts_off": False}).status_code == 200)  # noqa: SLF001


def buy_and_give(cast):
    for viewer in (cast.mira, cast.jonas):
        cast.purchases[viewer] = cast.stage.buy(viewer, "coins_500")
    for viewer, creator in ((cast.mira, cast.lea), (cast.mira, cast.tomas), (cast.jonas, cast.lea)):
        wish = {"gift_type": "g_drum", "creator": creator.user, "room": cast.room}
        answer = eventually(lambda wish=wish, viewer=viewer: sent(viewer, wish))
        assert answer["coins"] == 30
        cast.gifts.append(answer["gift"])


def sent(viewer, wish):
    """Ask until it is sent: a guest is known in the gift service a moment later."""
    answer = give(viewer, wish)
    return answer.json() if answer.status_code == 201 else None


def look_at_everybody(cast):
    eventually(lambda: cast.lea.get("/v1/earnings/me")["available_diamonds"] == 60)
    eventually(lambda: cast.mira.get(f"/v1/rooms/{cast.room}")["coins"] == 90)
    room = cast.mira.get(f"/v1/rooms/{cast.room}")
    assert (room["creator"], room["guests"]) == (cast.lea.user, [cast.tomas.user])
    assert [one["viewer"] for one in room["top_gifters"]] == [cast.mira.user, cast.jonas.user]
    both = {cast.mira.user, cast.jonas.user}
    for order in ("top", "new"):
        assert pages_of(cast.lea, "/v1/creators/me/supporters", "viewer", order=order) == both
    thanks = {"gift": cast.gifts[0], "message": "thank you"}
    assert cast.lea.post(f"/v1/rooms/{cast.room}/thanks", thanks).is_success
    feed = cast.jonas.follow(f"/v1/rooms/{cast.room}/events", after=0)
    assert any(line.startswith("data:") for line in feed)


def pages_of(person, path, field, **params):
    """Read a list one line at a time: each cursor holds an id."""
    found, cursor = set(), None
    while True:
        page = person.get(path, limit=1, **params, **({"cursor": cursor} if cursor else {}))
        found |= {one[field] for one in page["items"]}
        if (cursor := page["next_cursor"]) is None:
            return found


def block_a_viewer(cast):
    blocks = f"/v1/gifts/creators/{part(cast.lea)}/blocks"
    for viewer in (cast.mira, cast.jonas):
        cast.lea.put(f"{blocks}/{part(viewer)}", {})
    assert pages_of(cast.lea, blocks, "viewer") == {cast.mira.user, cast.jonas.user}
    wish = {"gift_type": "g_drum", "creator": cast.lea.user, "room": cast.room}
    assert give(cast.mira, wish).json()["code"] == "blocked"


def stop_a_wallet(cast):
    wallet = f"/v1/operator/wallets/{part(cast.mira)}"
    assert cast.ann.post(f"{wallet}/freeze", {"reason": "a test"}).status_code == 200
    wish = {"gift_type": "g_drum", "creator": cast.tomas.user, "room": cast.room}
    assert give(cast.mira, wish).json()["reason"] == "wallet-frozen"
    assert cast.ann.post(f"{wallet}/unfreeze", {"reason": "a test"}).status_code == 200
    lines = cast.ann.get("/v1/operator/wallet/audit", user=cast.mira.user)["items"]
    assert {line["operator"] for line in lines} == {cast.ann.user}
    assert give(cast.mira, wish).status_code == 201


def cash_out(cast):
    path = "/v1/operator/payout/adjustments"
    wish = {"user": cast.lea.user, "amount": 2_000, "reason": "a test"}
    asked = cast.ann.post(path, wish).json()["adjustment"]
    assert cast.ben.post(f"{path}/{asked}/approve", {}).status_code == 200
    cast.lea.put("/v1/payouts/payees/USD", {"destination": "acct_ok"})
    wanted = cast.lea.post("/v1/payouts/quotes", {}).json()["quote"]
    payout = cast.lea.post("/v1/payouts", {"quote": wanted}).json()["payout"]
    eventually(lambda: cast.lea.get(f"/v1/payouts/{payout}")["state"] == "paid")
    listed = cast.ann.get(f"/v1/operator/payouts/{part(cast.lea)}")["items"]
    assert [one["payout"] for one in listed] == [payout]
    of_lea = f"/v1/operator/payouts/{part(cast.lea)}/{payout}"
    assert cast.ann.get(f"{of_lea}/findings")["items"] == []
    assert cast.ann.get(f"{of_lea}/trace")["items"]


def take_money_back(cast):
    """An operator looks at a purchase, and asks for a refund of what is unused."""
    jonas, purchase = cast.jonas, cast.purchases[cast.jonas]
    found = cast.ann.get(f"/v1/operator/purchases/{part(jonas)}/{purchase}")
    assert found["purchase"] == purchase
    of_jonas = f"/v1/operator/wallets/{part(jonas)}/purchases/{purchase}"
    assert cast.ann.get(f"{of_jonas}/consumption")["consumption_milliunits"] == 6_000
    path = f"/v1/operator/purchases/{part(jonas)}/{purchase}/refunds"
    asked = cast.ann.post(path, {"reason": "a test"})
    assert asked.status_code == 202, asked.text
    refunds = f"/v1/purchases/{purchase}/refunds"
    eventually(lambda: jonas.get(refunds)["items"][0]["state"] == "refunded")
    eventually(lambda: jonas.get("/v1/wallets/me")["held_coins"] == 0)
    assert jonas.get("/v1/wallets/me")["coins"] == 0


def forget(cast):
    services = {each["service"] for each in erase(cast.stage, cast.jonas)}
    assert services == {"purchase", "wallet", "gift", "payout", "live", "webhooks"}
