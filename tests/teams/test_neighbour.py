"""
The curious neighbour: whatever another viewer, the creator or a team reads, nothing names the giver
of an anonymous gift. What is asked is generated from the merged OpenAPI document: a new route is
asked as well, and one that takes something unknown fails the test until it is said what to give it.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from uuid import NAMESPACE_URL, uuid4, uuid5

import httpx
import pytest

from deploy.config.databases import fetch, in_own_thread
from shared.contracts.base import NAMESPACE
from shared.contracts.gift import EVENTS as GIFT_EVENTS
from tests.journeys.people import eventually, stage_on

DOCUMENT = json.loads(Path("deploy/gateway/openapi.json").read_text())
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# How many people there were somewhere: whoever gives anonymously is not counted among them.
COUNTS = ("gifters", "contributors", "rank")
STREAM = "text/event-stream"


@pytest.fixture
def vhost(system):
    """The team of this test is in the running system, beside its services."""
    return "journeys"


@pytest.fixture
def stage(system):
    with stage_on(system) as stage:
        yield stage


@pytest.fixture
def http(system):
    with httpx.Client(base_url=system.gateway_url, timeout=60) as client:
        yield client


class Story:
    """Shy gives openly and, later, anonymously; others give, the creator hopes and thanks."""

    def __init__(self, stage, system, http):
        self.stage, self.system, self.http = stage, system, http
        self.began = datetime.now(UTC)
        self.room = f"room-{uuid4().hex[:6]}"
        self.lea = stage.person("lea", roles=["creator"])
        self.shy, self.otto, self.nosy = (stage.person(each) for each in ("shy", "otto", "nosy"))
        self.purchase = stage.buy(self.shy, "coins_1000", key="order-1001")
        stage.buy(self.otto, "coins_1000", key="order-1003")
        stream = self.lea.put(f"/v1/rooms/{self.room}/stream", {"title": "Songs"})
        self.stream = stream["stream"]
        goal = {"title": "Mic", "target_coins": 60, "room": self.room}
        self.lea.post("/v1/creators/me/goals", goal)
        for coins in (5, 500):
            perk = {"kind": "shout_out", "title": "Your name", "threshold_coins": coins}
            self.perk = self.lea.post("/v1/creators/me/perks", perk).json()["perk"]
        self.open = self.give(self.shy, "order-1000", gift_type="g_tea")
        self.give(self.otto, "order-1004", gift_type="g_tea", count=2)
        self.entitlement = eventually(lambda: self.shy.get("/v1/gifters/me/entitlements")["items"])[
            0
        ]["entitlement"]
        # Before it is given nothing has this id.
        self.hidden = str(uuid4())
        self.finish()

    def give(self, person, key, **wish):
        answer = self.stage.give(person, self.lea.user, room=self.room, key=key, **wish)
        assert answer.status_code == 201, answer.text
        return answer.json()["gift"]

    def give_anonymously(self):
        """A gift that reaches the goal and would raise a level, with a key that can be guessed."""
        self.hidden = self.give(
            self.shy, "order-1002", gift_type="g_tea", count=12, anonymous=True, message="Hello"
        )
        self.finish()
        self.lea.post(f"/v1/rooms/{self.room}/thanks", {"gift": self.hidden})
        self.finish()

    def take_back(self):
        """The bank takes back what paid for all of shy's gifts."""
        payment = self.stage.payment_of(self.purchase)["id"]
        self.stage.provider(f"/payments/{payment}/disputes", {})
        eventually(lambda: self.lea.get(f"/v1/rooms/{self.room}")["coins"] == 10)
        self.finish()

    def finish(self):
        """Wait until every combo has ended and nothing is on its way."""

        def rows(service, query):
            return fetch(self.system.postgres.dsn(service), query)[0][0]

        def is_finished():
            running = f"SELECT count(*) FROM combos WHERE room = '{self.room}' AND ended_at IS NULL"
            waiting = sum(
                rows(service, "SELECT count(*) FROM outbox")
                for service in ("wallet", "gift", "payout", "live")
            )
            ended = rows("gift", running.replace("IS NULL", "IS NOT NULL"))
            shown = rows(
                "live",
                f"SELECT count(*) FROM feed WHERE room = '{self.room}' AND kind = 'combo'",
            )
            earned = len(self.lea.get("/v1/earnings/me/gifts")["items"])
            given = self.lea.get(f"/v1/rooms/{self.room}")["gifts"]
            return rows("gift", running) == waiting == 0 and ended == shown and earned == given

        eventually(is_finished)

    @property
    def people(self):
        return [person.user for person in (self.shy, self.otto, self.nosy)]

    def values(self, name):
        """What is asked about; names of parameters and what a neighbour would give them."""
        everyone = ["me", self.shy.user, self.lea.user]
        return {
            "user": everyone,
            "viewer": [self.shy.user],
            "creator": everyone,
            "room": [self.room],
            "stream": [self.stream],
            "gift": [self.open, self.hidden],
            "purchase": [self.purchase],
            **{
                key: [str(uuid5(NAMESPACE_URL, "none"))]
                for key in ("payout", "withdrawal", "lot", "file", "endpoint", "event", "message")
            },
            "team": ["me", "charts"],
            "event_name": ["gift.sent"],
            "queue": ["gift.outcomes"],
            "id": [self.people],
            "from": [self.began.isoformat()],
            "to": [(self.began + timedelta(days=1)).isoformat()],
            "state": ["delivered"],
            "entitlement": [self.entitlement],
            "gift_type": ["g_tea"],
            "limit": [100],
            "after": [0],
            "last": [100],
            "last-event-id": ["0"],
            "only": ["gift,combo,level,first_gift,goal,perk,thanks,message,reversal,room"],
            "min_coins": [],
            "access_token": ["its own"],
            "currency": ["USD"],
            "covering": [10],
            "seller": ["example"],
            "year": [2026],
            "series": ["EX"],
            "statement": ["2026"],
            "as_of": ["2026-01-31"],
            "days": [30],
            "due_within_days": [7],
            "hours": [24],
            "country": ["DE"],
            "time_zone": ["Europe/Berlin"],
            "language": ["de"],
            "accept": ["text/html", "application/pdf"],
            # Pages are followed to their end.
            "cursor": [],
            "until": [],
            "if-none-match": [],
        }[name]


def choices(schema):
    """The values that a parameter's own schema lists."""
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if schema.get("type") == "boolean":
        return ["true", "false"]
    return schema.get("enum", [])


def operations():
    for path, about in DOCUMENT["paths"].items():
        if "get" in about:
            yield path, about["get"].get("parameters", []), about["get"]["responses"]


def asks(story):
    """Every GET: with every value of what it needs, and each of what it may be given."""
    for path, parameters, responses in operations():
        given = {
            each["name"]: (each, choices(each["schema"]) or story.values(each["name"]))
            for each in parameters
        }
        needed = {name: found for name, (each, found) in given.items() if each.get("required")}
        wanted = [{}] + [
            {name: value}
            for name, (each, found) in given.items()
            if not each.get("required")
            for value in found
        ]
        is_stream = STREAM in responses.get("200", {}).get("content", {})
        places = {name: each["in"] for name, (each, _) in given.items()}
        for mandatory in product(*(enumerate(found) for found in needed.values())):
            for optional in wanted:
                values = dict(zip(needed, (value for _, value in mandatory), strict=True))
                # The same question before and after, whatever the ids are.
                label = path, tuple(place for place, _ in mandatory), tuple(optional.items())
                yield label, path, {**values, **optional}, places, is_stream


def answer_to(story, person, path, values, places, *, is_stream):
    """Everything that is answered, to the last page; of a feed, all that there is."""
    headers = {"Authorization": person.headers["Authorization"]}
    query = {name: value for name, value in values.items() if places[name] == "query"}
    headers |= {name: value for name, value in values.items() if places[name] == "header"}
    if "access_token" in query:
        query["access_token"] = headers.pop("Authorization").removeprefix("Bearer ")
    for name, place in places.items():
        if place == "path":
            path = path.replace(f"{{{name}}}", values[name])
    if is_stream:
        return _entries(story, path, query, headers)
    found = [story.http.get(path, params=query, headers=headers)]
    while (cursor := _cursor_of(found[-1])) is not None:
        page = {**query, "cursor": cursor}
        found.append(story.http.get(path, params=page, headers=headers))
    assert all(one.status_code != 429 for one in found)
    return [_told(one, values) for one in found]


def _cursor_of(answer):
    is_page = answer.is_success and _is_json(answer)
    told = answer.json() if is_page else None
    return told.get("next_cursor") if isinstance(told, dict) else None


def _is_json(answer):
    return answer.headers["content-type"].endswith(("/json", "+json"))


def _told(answer, asked):
    if answer.headers["content-type"] == "application/jsonl":
        return [json.loads(line) for line in answer.text.splitlines()]
    if not _is_json(answer):
        return answer.text
    if answer.is_success:
        return answer.json()
    # A refusal may repeat what was asked.
    return {name: value for name, value in answer.json().items() if value not in asked.values()}


def _entries(story, path, query, headers):
    if not {"after", "last"} & query.keys() and "last-event-id" not in headers:
        query = {**query, "after": 0}
    of_room = f"FROM feed WHERE room = '{story.room}'"
    if query.get("shape") == "tiktok":
        of_room += " AND kind IN ('gift', 'combo')"
    (row,) = fetch(story.system.postgres.dsn("live"), f"SELECT max(sequence) {of_room}")
    entries, last = [], 0
    with story.http.stream("GET", path, params=query, headers=headers) as answer:
        assert answer.status_code == 200, answer.status_code
        for line in answer.iter_lines():
            if line.startswith("id:"):
                last = int(line.removeprefix("id:"))
            if line.startswith("data:"):
                entries.append(json.loads(line.removeprefix("data:")))
                if last >= row[0]:
                    return entries
    return pytest.fail("the feed ended")


def read_everything(story):
    return {
        (person, *label): answer_to(
            story, getattr(story, person), path, values, places, is_stream=is_stream
        )
        for person in ("nosy", "lea")
        for label, path, values, places, is_stream in asks(story)
    }


def objects(told):
    """Every object in an answer, the smallest ones that there are."""
    if isinstance(told, dict):
        yield told
        told = list(told.values())
    if isinstance(told, list):
        for each in told:
            yield from objects(each)


def said_of(name, told):
    """What is said of a person: the objects that name them, whatever those say besides."""
    return sorted(
        json.dumps({key: value for key, value in one.items() if not isinstance(value, list | dict)})
        for one in objects(told)
        if name in one.values()
    )


def named_in_order(people, told):
    """Who is named, in the order in which they are: ranks, and how often anybody is counted."""
    return re.findall("|".join(people), json.dumps(told))


def counted(told):
    return [one[name] for one in objects(told) for name in COUNTS if name in one]


def candidates(story):
    """Ids that somebody who knows the viewers and tries keys can compute, and what follows."""
    names = {"mira", "jonas", *story.people}
    for name in names:
        for number in range(900, 1_100):
            key = f"order-{number}"
            for what in ("gift", "purchase", "refund", "exclusion", "payout"):
                for written in (f"{what}\n{name}\n{key}", f"{what}|{name}\n{key}"):
                    made = uuid5(NAMESPACE, written)
                    yield str(made)
                    yield from (
                        str(uuid5(NAMESPACE, f"lot|{made}|{kind}")) for kind in ("paid", "bonus")
                    )
                    yield str(uuid5(NAMESPACE, f"combo\n{made}"))
        yield str(uuid5(NAMESPACE, f"entitlement|{story.perk}|{name}"))


def events_of(gift):
    """The ids of everything that is announced of a gift, as anybody computes them."""
    for event in GIFT_EVENTS:
        for discriminator in ("", "1", "2"):
            yield str(uuid5(NAMESPACE, f"{event.name}|{gift}|{discriminator}"))


async def taken(as_team, given):
    found = []
    async with as_team(given) as channel:
        queue = await channel.get_queue(given["queue"], ensure=False)
        while (message := await queue.get(fail=False)) is not None:
            found.append((json.loads(message.body), json.dumps(message.headers, default=str)))
            await message.ack()
    return found


async def test_nothing_that_others_read_names_who_gave_anonymously(
    stage, system, team, as_team, http
):
    given = team("--reads", "gift,live")
    story = in_own_thread(lambda: Story(stage, system, http))
    before = in_own_thread(lambda: read_everything(story))
    await taken(as_team, given)

    in_own_thread(story.give_anonymously)
    after = in_own_thread(lambda: read_everything(story))
    told = await taken(as_team, given)

    shy, computed = story.shy.user, set(candidates(story))
    assert before.keys() == after.keys()
    for asked, found in after.items():
        assert said_of(shy, found) == said_of(shy, before[asked]), asked
        assert named_in_order(story.people, found) == named_in_order(story.people, before[asked])
        counts = counted(before[asked])
        assert counted(found)[: len(counts)] == counts, asked
        # A feed says that the goal was reached; two gave openly before.
        assert set(counted(found)[len(counts) :]) <= {2}, asked
        assert not computed & set(UUID.findall(json.dumps(found))), asked
    # The neighbour did see the gift, or there were nothing to find.
    assert story.hidden in json.dumps([after[asked] for asked in after if asked[0] == "nosy"])
    assert "live.goal_reached" in json.dumps([event["type"] for event, _ in told])
    assert_names_nobody(story, told, computed)

    in_own_thread(story.take_back)
    back = in_own_thread(lambda: read_everything(story))
    for asked, found in back.items():
        for one in objects(found):
            # The lot that paid an open gift is shown when it is reversed; its giver is known.
            is_open = one.get("gift") == story.open
            assert is_open or not computed & {str(value) for value in one.values()}, (asked, one)
            assert not (shy in one.values() and story.hidden in one.values()), (asked, one)
            # What a bank decided at one moment about open and anonymous gifts stays unlinked.
            assert not (one.get("gift") == story.hidden and "reversed_coins" in one), (asked, one)
    assert_links_nothing(story, await taken(as_team, given), computed)


def assert_names_nobody(story, told, computed):
    for event, headers in told:
        assert story.shy.user not in json.dumps(event) + headers, event
    assert_links_nothing(story, told, computed)


def assert_links_nothing(story, told, computed):
    """A team that knows the gift's id from the feed finds nobody's name beside what follows."""
    linked = {story.hidden, *events_of(story.hidden)}
    for event, headers in told:
        written = json.dumps(event) + headers
        assert not computed & set(UUID.findall(written)), event
        if story.shy.user in written:
            assert not linked & set(UUID.findall(written)), event
