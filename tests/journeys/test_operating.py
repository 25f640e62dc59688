"""An operator at a terminal: letters, outboxes, topology, replays, and live built anew."""

import asyncio
import json
from uuid import uuid4

import aio_pika
import httpx
import jsonschema
import pytest

from deploy.config.databases import fetch, run_sql
from deploy.config.services import DATABASES
from tests.journeys.people import eventually, stage_on
from tests.terminal import a_terminal

VHOST = "journeys"
SCORES = "SELECT * FROM scores {of} ORDER BY period, viewer"
TOTALS = "SELECT * FROM totals {of} ORDER BY period"
ROOMS = "SELECT room, sequence, gifts, coins FROM rooms {of}"
FEED = "SELECT room, sequence, kind, subject, shown FROM feed {of} ORDER BY sequence"
STREAMS = "SELECT stream, creator, title, opened_at, closed_at FROM streams {of}"
GIFTS = (
    "SELECT gift, viewer, creator, coins, anonymous, sent_at, stream FROM gifts {of} ORDER BY gift"
)
LEVELS = """
    SELECT gifters.viewer, gifters.gifts, gifters.coins, level, revision FROM gifters
    WHERE viewer IN (SELECT viewer FROM gifts {of})
"""
REVERSALS = "SELECT * FROM reversals {of} ORDER BY gift, lot"


@pytest.fixture
def stage(system):
    with stage_on(system) as stage:
        yield stage


@pytest.fixture
def ctl(system, monkeypatch):
    """Run a command against the running system; return its exit code and what it printed."""
    return a_terminal(
        monkeypatch,
        postgres=system.postgres,
        rabbit=system.rabbit,
        vhost=VHOST,
        secrets=system.secrets,
    )


@pytest.fixture
def publish(system):
    """Publish as a broker user."""

    def send(exchange_name, body, *, user="ovationctl", queue="live.gifts", **properties):
        async def publish_one():
            url = system.rabbit.url(VHOST, user=user, password=system.secrets.broker[user])
            async with await aio_pika.connect(url) as connection:
                channel = await connection.channel()
                exchange = await channel.get_exchange(exchange_name, ensure=False)
                message = aio_pika.Message(body, user_id=user, **properties)
                await exchange.publish(message, routing_key=queue)

        asyncio.run(publish_one())

    return send


def test_a_dead_letter_is_listed_shown_and_dropped(ctl, publish):
    identifier = uuid4().hex
    kind = "dev.ovation.gift.sent.v1"
    said = {"ovation_said_by": "gift"}
    publish("ovation.redeliver", b"not json", type=kind, message_id=identifier, headers=said)

    eventually(lambda: json.loads(ctl("dlq", "ls", "--json")[1]))
    (queue,) = json.loads(ctl("dlq", "ls", "--json")[1])
    (dead_letter,) = json.loads(ctl("dlq", "show", "--queue", "live.gifts", "--json")[1])

    assert (queue["queue"], queue["reasons"]) == ("live.gifts", {"invalid-envelope": 1})
    assert (dead_letter["id"], dead_letter["code"], dead_letter["attempts"]) == (
        identifier,
        "invalid-envelope",
        "1",
    )
    one = ("--queue", "live.gifts", "--id", identifier)
    assert ctl("dlq", "drop", *one)[0] == 2  # nobody to ask
    assert ctl("dlq", "drop", *one, "--yes") == (0, "1 deleted.\n")
    assert ctl("dlq", "drop", *one, "--yes")[0] == 1
    assert ctl("dlq", "ls", "--json") == (0, "[]\n")


def test_a_redriven_letter_is_handled_as_if_it_had_just_come(ctl, publish, stage, system):
    mira, room = stage.person("mira", country="DE"), f"room-{uuid4().hex[:6]}"
    stage.buy(mira)
    gift = stage.give(mira, "lea", room=room).json()["gift"]
    eventually(lambda: mira.get(f"/v1/rooms/{room}")["gifts"] == 1)
    (event,) = told_of(ctl, gift)
    elsewhere = f"room-{uuid4().hex[:6]}"
    dead_letter = event.replace(room, elsewhere)
    # Another gift, or live would know it.
    other = str(uuid4())
    headers = {
        "cloudEvents_type": "dev.ovation.gift.sent.v1",
        "ovation_error_code": "mended",
        "ovation_said_by": "gift",
        "ovation_message_id": other,
    }
    body = relabelled(dead_letter, gift, other)
    publish("ovation.dlx.live", body, user="live", headers=headers)

    assert ctl("dlq", "redrive", "--queue", "live.gifts", "--yes") == (
        0,
        "1 sent to live.gifts again.\n",
    )

    eventually(lambda: mira.get(f"/v1/rooms/{elsewhere}")["gifts"] == 1)
    assert ctl("dlq", "ls", "--json") == (0, "[]\n")
    # No log has it: whoever counts anew would wait for it for an hour.
    run_sql(system.postgres.dsn("live"), [f"DELETE FROM gifts WHERE gift = '{other}'"])


def told_of(ctl, subject):
    _, lines = ctl("events", "tail", "--no-follow", "--event", "gift.sent", "--json")
    return [line for line in lines.splitlines() if json.loads(line)["subject"] == subject]


def relabelled(line, gift, other):
    """The same event about another gift, with the id that goes with it."""
    from shared.contracts.gift import GiftSent  # noqa: PLC0415

    told = json.loads(line.replace(gift, other))
    told["id"] = str(GiftSent.model_validate(told["data"]).id)
    return json.dumps(told).encode()


def test_a_missing_binding_is_found_and_made_again(ctl, system):
    assert ctl("topology", "check", "--json") == (0, "[]\n")
    key = f"/api/bindings/{VHOST}/e/ovation.events.gift/q/live.gifts/gift.sent"

    system.rabbit.manage("DELETE", key)
    code, found = ctl("topology", "check", "--json")

    assert code == 1
    assert json.loads(found)[0]["state"] == "missing"
    assert ctl("topology", "apply", "--yes")[0] == 0
    assert ctl("topology", "check")[0] == 0


def test_live_is_built_anew_from_the_log_and_from_the_gifts_themselves(ctl, stage, system):
    mira, room = stage.person("mira", country="DE"), f"room-{uuid4().hex[:6]}"
    lea = stage.person("lea", roles=["creator"])
    lea.put(f"/v1/rooms/{room}/stream", {"title": "Good evening"})
    bought = stage.buy(mira)
    for anonymous in (False, True, False):
        stage.give(mira, lea.user, room=room, anonymous=anonymous)
    eventually(lambda: mira.get(f"/v1/rooms/{room}")["gifts"] == 3)
    # Their money is taken back, so that there is something to be lowered again.
    stage.provider(f"/payments/{stage.payment_of(bought)['id']}/disputes", {})
    eventually(lambda: mira.get(f"/v1/rooms/{room}")["coins"] == 0)

    def tables():
        dsn, of = system.postgres.dsn("live"), f"WHERE room = '{room}'"
        return [[tuple(row) for row in fetch(dsn, query.format(of=of))] for query in TABLES]

    # Both combos have ended, the named one and the anonymous one: nothing more will be shown.
    eventually(lambda: [kind for _, _, kind, *_ in tables()[FEED_AT]].count("combo") == 2)
    before = tables()
    assert len(before[-1]) == 3
    code, printed = ctl("rebuild", "live", "--yes", "--json")

    assert code == 0
    assert json.loads(printed)["replayed"] >= 3
    eventually(lambda: tables() == before)

    # And once more from the gifts' own rows alone, as if the log had forgotten them.
    code, printed = ctl("republish", "gift", "--to", "live.gifts", "--from", "2000-01-01", "--yes")
    assert code == 0
    assert ctl("republish", "wallet", "--to", "live.gifts", "--from", "2000-01-01", "--yes")[0] == 2
    eventually(lambda: queue_is_empty(system))
    assert tables() == before
    # Once no old gift comes any more, live says again what gifts lead to.
    phase = "SELECT phase FROM rebuilds"
    eventually(lambda: fetch(system.postgres.dsn("live"), phase) == [("done",)], seconds=120)


TABLES = (ROOMS, SCORES, TOTALS, FEED, STREAMS, GIFTS, LEVELS, REVERSALS)
FEED_AT = TABLES.index(FEED)


def queue_is_empty(system):
    return system.rabbit.manage("GET", f"/api/queues/{VHOST}/live.gifts").get("messages") == 0


def test_made_up_events_are_printed_for_somebodys_tests(ctl):
    code, lines = ctl("events", "sample", "--count", "20", "--seed", "3")

    assert (code, len(lines.splitlines())) == (0, 20)
    assert ctl("events", "lint", "-", given=lines)[0] == 0
    code, array = ctl("events", "sample", "gift.sent", "--json")
    assert json.loads(array)[0]["type"] == "dev.ovation.gift.sent.v1"
    assert ctl("events", "lint", "-", given=array)[0] == 0
    assert ctl("events", "sample", "gift.lost")[0] == 2


def test_a_replay_counts_before_it_sends(ctl, stage):
    assert ctl("replay", "--queue", "live.gifts", "--yes")[0] == 2
    code, printed = ctl("replay", "--queue", "live.gifts", "--all", "--dry-run", "--json")

    assert code == 0
    assert json.loads(printed)["dry_run"]


def test_events_that_are_not_as_they_should_be_are_named_by_line(ctl, stage):
    mira = stage.person("mira", country="DE")
    stage.buy(mira)
    gift = stage.give(mira, "lea").json()["gift"]
    eventually(lambda: told_of(ctl, gift))
    (good,) = told_of(ctl, gift)
    forged = json.dumps({**json.loads(good), "partitionkey": "somebody"})

    assert ctl("events", "lint", "-", given=good + "\n")[0] == 0
    code, printed = ctl("events", "lint", "-", "--json", given=f"{good}\nnonsense\n{forged}\n")

    assert code == 1
    assert [fault["line"] for fault in json.loads(printed)] == [2, 3]
    assert "partitionkey" in json.loads(printed)[1]["error"]


def test_the_schema_that_an_event_names_is_served_and_holds(ctl, stage, system):
    mira = stage.person("mira", country="DE")
    stage.buy(mira)
    gift = stage.give(mira, "lea").json()["gift"]
    eventually(lambda: told_of(ctl, gift))
    told = json.loads(told_of(ctl, gift)[0])

    assert told["dataschema"].startswith(f"{system.gateway_url}/schemas/gift.sent/1.")
    schema = httpx.get(told["dataschema"], timeout=60).json()
    jsonschema.Draft202012Validator(schema).validate(told["data"])
    assert not jsonschema.Draft202012Validator(schema).is_valid({**told["data"], "coins": "many"})


def test_outboxes_are_looked_at_and_an_unknown_key_is_not_there(ctl):
    code, printed = ctl("outbox", "ls", "--json")

    assert code == 0
    assert {row["service"] for row in json.loads(printed)} == {*DATABASES}
    assert ctl("outbox", "unpark", "gift", "--key", "nobody", "--yes")[0] == 1
    assert ctl("outbox", "ls", "nowhere")[0] == 2


def test_a_server_that_is_away_has_an_exit_code_of_its_own(ctl, monkeypatch):
    monkeypatch.setenv("OVATIONCTL_POSTGRES", "127.0.0.1:9")
    monkeypatch.setenv("OVATIONCTL_RABBIT", "http://127.0.0.1:9")

    assert ctl("outbox", "ls", "gift")[0] == 3
    assert ctl("topology", "check")[0] == 3
