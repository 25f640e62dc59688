"""An operator gives a team a queue, changes what it hears, and takes it away."""

import json
import secrets as random
import stat

import aio_pika
import pytest

from tests.teams.gifts import a_gift


def bound_to(rabbit, vhost, queue):
    bindings = rabbit.manage("GET", f"/api/queues/{vhost}/{queue}/bindings")
    return {
        each["routing_key"] for each in bindings if each["source"].startswith("ovation.events.")
    }


def test_a_team_is_listed_with_what_waits_for_it(ctl, team):
    charts = team("--reads", "gift.sent,payout.paid", "--bind", "gift.sent,payout.paid")

    rows = json.loads(ctl("team", "ls", "--json")[1])

    assert rows == [
        {
            "team": charts["name"],
            "hears": "gift.sent payout.paid",
            "logs": "",
            "consumers": 0,
            "waiting": 0,
            "at_most": 1_000_000,
            "dead_letters": 0,
        }
    ]


def test_adding_a_team_again_changes_its_grants_and_keeps_its_password(ctl, team, rabbit, vhost):
    first = team("--reads", "gift.sent")

    again = team("--reads", "gift.sent,payout.paid", "--messages-max", "5", name=first["name"])

    assert first["password"] is not None
    assert again["password"] is None
    assert bound_to(rabbit, vhost, first["queue"]) == {"gift.sent", "payout.paid"}
    assert ctl("topology", "check")[0] == 0


async def test_a_new_password_replaces_the_old_one(team, as_team):
    old = team("--reads", "gift.sent")

    new = team("--reads", "gift.sent", "--new-password", name=old["name"])

    with pytest.raises(aio_pika.exceptions.AMQPConnectionError):
        async with as_team(old):
            pass
    async with as_team(new) as channel:
        assert not channel.is_closed


def test_a_password_may_go_to_a_file_that_only_its_owner_reads(ctl, team, tmp_path):
    file = tmp_path / "password"

    made = team("--reads", "gift.sent", "--password-file", str(file))

    assert made["password"] is None
    assert len(file.read_text()) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    code, _ = ctl(
        *("team", "add", "other", "--reads", "gift.sent", "--yes", "--password-file", str(file))
    )
    assert code == 2


def test_a_team_that_is_removed_leaves_nothing(ctl, team, rabbit):
    made = team("--reads", "gift.sent")

    assert ctl("team", "rm", made["name"])[0] == 2  # nobody to ask
    assert ctl("team", "rm", made["name"], "--yes")[0] == 0
    assert ctl("team", "rm", made["name"], "--yes")[0] == 1
    assert ctl("team", "ls", "--json") == (0, "[]\n")
    assert ctl("topology", "check", "--json") == (0, "[]\n")
    assert made["user"] not in {user["name"] for user in rabbit.manage("GET", "/api/users")}


def test_a_grant_that_makes_no_sense_changes_nothing(ctl):
    name = f"t{random.token_hex(4)}"

    assert ctl("team", "add", name, "--reads", "payout", "--yes")[0] == 2
    assert ctl("team", "add", name, "--reads", "gift.sent")[0] == 2  # nobody to ask
    assert ctl("team", "ls", "--json") == (0, "[]\n")


def test_the_topology_check_knows_what_each_team_was_granted(ctl, team, rabbit, vhost):
    made = team("--reads", "gift.sent", "--logs", "gift")
    assert ctl("topology", "check", "--json") == (0, "[]\n")

    exchange_to_queue = f"/api/bindings/{vhost}/e/ovation.events.gift/q/{made['queue']}"
    rabbit.manage("DELETE", f"{exchange_to_queue}/gift.sent")
    rabbit.manage("POST", exchange_to_queue, {"routing_key": "purchase.#"})
    wide = {"configure": "^$", "write": "^$", "read": ".*"}
    rabbit.manage("PUT", f"/api/permissions/{vhost}/{made['user']}", wide)
    code, printed = ctl("topology", "check", "--json")

    assert code == 1
    assert {(row["kind"], row["state"]) for row in json.loads(printed)} == {
        ("bindings", "missing"),
        ("bindings", "extra"),
        ("permissions", "other read"),
    }
    # What is missing or different is made right again; what is extra is a person's to remove.
    _, printed = ctl("topology", "apply", "--yes", "--json")
    assert [row["state"] for row in json.loads(printed)] == ["extra"]
    team("--reads", "gift.sent", "--logs", "gift", name=made["name"])
    assert ctl("topology", "check")[0] == 0


async def test_a_team_is_given_again_what_the_log_holds_of_its_events(ctl, team, say, as_team):
    await say(a_gift(), a_gift())
    late = team("--reads", "gift.sent")

    replayed = ctl("replay", "--queue", late["queue"], "--all", "--yes", "--json")

    assert json.loads(replayed[1])["events"] == 2
    async with as_team(late) as channel:
        queue = await channel.get_queue(late["queue"], ensure=False)
        assert (await queue.get(fail=False)).type == "dev.ovation.gift.sent.v1"
    assert (
        ctl("republish", "payout", "--to", late["queue"], "--from", "2026-01-01", "--yes")[0] == 2
    )
