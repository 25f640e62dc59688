"""
An operator repeats messages, and lends nobody a voice: what others never said stays unsaid.

On a real broker, with the rights of a service that was taken over. Some of these attacks need the
rights that the version before has during an upgrade: those are given to them.
"""

import json

import aio_pika
import pytest

from deploy.config.databases import in_own_thread
from shared.messaging.topology import users
from tests.terminal import a_terminal

PAID = "dev.ovation.purchase.paid.v1"
LEVEL = "dev.ovation.live.level_reached.v1"
FORGED = {
    "cloudEvents_type": PAID,
    "ovation_publisher": "purchase",
    "ovation_said_by": "purchase",
    "ovation_message_id": "forged",
    "ovation_error_code": "LockNotAvailableError",
}


@pytest.fixture
def ctl(monkeypatch, vhost, postgres, rabbit, credentials):
    """Run a command against this test's own vhost; return exit code and what was printed."""
    run = a_terminal(
        monkeypatch, postgres=postgres, rabbit=rabbit, vhost=vhost, secrets=credentials
    )
    monkeypatch.setenv("OVATIONCTL_OPERATOR", "opal")
    return lambda *arguments: in_own_thread(lambda: run(*arguments))


@pytest.fixture
def during_an_upgrade(rabbit, vhost, credentials):
    rabbit.load(users(credentials.broker, both_versions=True), vhost=vhost)


@pytest.fixture
def publish_as(rabbit, vhost, credentials):
    """Publish as a broker user."""

    async def publish(user, exchange, key, body=b"{}", **properties):
        url = rabbit.url(vhost, user=user, password=credentials.broker[user])
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel(on_return_raises=True)
            message = aio_pika.Message(body, user_id=user, **properties)
            target = await channel.get_exchange(exchange, ensure=False)
            await target.publish(message, routing_key=key)

    return publish


def audited(ctl, act):
    code, printed = ctl("audit", "--json")
    assert code == 0
    return [line for line in json.loads(printed) if line["act"] == act]


async def test_a_letter_that_another_service_forged_is_shown_as_its_and_never_sent_again(
    during_an_upgrade, publish_as, ctl, take
):
    """A forged dead letter that looks like a passing error would make a million coins."""
    await publish_as("live", "ovation.dlx", "wallet.money", headers=FORGED, type=PAID)

    (found,) = json.loads(ctl("dlq", "show", "--queue", "wallet.money", "--json")[1])
    (row,) = json.loads(ctl("dlq", "ls", "--json")[1])
    code, printed = ctl("dlq", "redrive", "--queue", "wallet.money", "--yes", "--json")

    assert (found["user_id"], found["header_publisher"]) == ("live", "purchase")
    assert "live" in found["not_redriven_because"]
    assert row["user_ids"] == {"live": 1}
    assert code == 1
    assert json.loads(printed)["redriven"] == 0
    assert list(json.loads(printed)["refused"]) == ["forged"]
    assert await take("wallet.money") == []
    assert len(await take("wallet.money.dlq")) == 1


async def test_what_a_letter_says_hides_no_letter(publish_as, ctl):
    """A terminal shows it; it is no markup, and clears no screen."""
    told = {"ovation_error_code": "[/x]", "ovation_error_message": "\x1b[2J\x9b2J"}
    await publish_as("wallet", "ovation.dlx.wallet", "wallet.money", headers=told, type=PAID)

    code, listed = ctl("dlq", "ls")
    shown = ctl("dlq", "show", "--queue", "wallet.money")[1]

    assert code == 0
    assert "[/x]" in listed
    assert "[/x]" in shown
    assert all(each.isprintable() or each == "\n" for each in listed + shown)


async def test_a_letter_is_sent_again_in_the_name_of_who_said_it_first(publish_as, ctl, take):
    headers = {**FORGED, "CC": ["gift.outcomes"], "x-death": "no", "else": "where"}
    await publish_as("wallet", "ovation.dlx.wallet", "wallet.money", headers=headers, type=PAID)

    assert ctl("dlq", "redrive", "--queue", "wallet.money", "--yes") == (
        0,
        "1 sent to wallet.money again.\n",
    )

    (message,) = await take("wallet.money")
    assert (message.user_id, message.headers["ovation_said_by"]) == ("ovationctl", "purchase")
    # The broker would have sent a copy wherever `CC` says, as the operator's own word.
    assert await take("gift.outcomes") == []
    # What the broker counts it adds itself.
    assert set(message.headers) - {"x-delivery-count"} == {
        *("cloudEvents_type", "ovation_said_by", "ovation_message_id", "ovation_redrive"),
        "ovation_share",
    }


async def test_what_was_a_dead_letter_is_in_the_history_whoever_removed_it(
    publish_as, ctl, take, rabbit, vhost, credentials
):
    """A service that was taken over may empty its queue of dead letters."""
    own = {**FORGED, "ovation_message_id": "own"}
    await publish_as("wallet", "ovation.dlx.wallet", "wallet.money", headers=own, type=PAID)
    await publish_as("gift", "ovation.dlx.gift", "gift.outcomes", headers=own, type=PAID)
    url = rabbit.url(vhost, user="wallet", password=credentials.broker["wallet"])
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await (await channel.get_queue("wallet.money.dlq", ensure=False)).purge()

    code, printed = ctl("dlq", "history", "--queue", "wallet.money", "--json")

    (row,) = json.loads(printed)
    assert (code, row["id"], row["user_id"]) == (0, "own", "wallet")
    assert await take("wallet.money.dlq") == []


async def test_a_replay_repeats_what_the_owner_said_and_nothing_else(
    during_an_upgrade, publish_as, ctl, take
):
    """By the header `CC` another service could write into the log of an owner; no more."""
    cc = {"CC": ["purchase.paid"]}
    await publish_as("live", "ovation.events", "live.level_reached", type=PAID, headers=cc)
    told = json.dumps({"time": "2026-01-01T00:00:00+00:00"}).encode()
    kept = {"CC": ["gift.outcomes"]}
    await publish_as(
        *("purchase", "ovation.events.purchase", "purchase.paid", told), type=PAID, headers=kept
    )
    await take("wallet.money")

    code, printed = ctl("replay", "--queue", "wallet.money", "--all", "--yes", "--json")

    assert (code, json.loads(printed)["events"]) == (0, 1)
    (message,) = await take("wallet.money")
    assert message.headers["ovation_said_by"] == "purchase"
    assert "CC" not in message.headers
    assert await take("gift.outcomes") == []


@pytest.mark.parametrize("since", [["--all"], ["--from", "2020-01-01"]], ids=["all", "since"])
async def test_one_message_that_cannot_be_read_ends_no_replay(publish_as, ctl, take, since):
    """Nor does one of the future: what comes after it is repeated all the same."""
    readable = b'{"time": "2026-01-01T00:00:00+00:00", "number": %d}'
    odd = [
        b"\xff",
        b"{}",
        b"[]",
        b"[" * 100_000,
        b'{"time": 5}',
        b'{"time": "2026-01-01T00:00:00"}',
    ]
    odd.append(b'{"time": "9999-01-01T00:00:00+00:00"}')
    bodies = [readable % 1, *odd, readable % 2]
    for body in bodies:
        await publish_as("purchase", "ovation.events.purchase", "purchase.paid", body, type=PAID)
    await take("wallet.money")

    code, printed = ctl("replay", "--queue", "wallet.money", *since, "--yes", "--json")

    assert (code, json.loads(printed)["events"]) == (0, len(bodies))
    for shown in ([], ["--json"]):
        code, told = ctl("events", "tail", "--service", "purchase", "--no-follow", *shown)
        assert (code, told.count("\n")) == (0, len(bodies))
    assert [message.body for message in await take("wallet.money")] == bodies


async def test_what_an_operator_repeats_or_forgets_is_a_line_of_the_audit_log(
    publish_as, ctl, take
):
    own = {**FORGED, "ovation_message_id": "own"}
    await publish_as("wallet", "ovation.dlx.wallet", "wallet.money", headers=own, type=PAID)
    ctl("dlq", "redrive", "--queue", "wallet.money", "--yes")
    await publish_as("wallet", "ovation.dlx.wallet", "wallet.money", headers=own, type=PAID)
    ctl("dlq", "drop", "--queue", "wallet.money", "--yes")
    ctl("replay", "--queue", "wallet.money", "--all", "--yes")

    begun, done = audited(ctl, "dlq.redrive")
    assert (begun["state"], done["state"]) == ("begun", "done")
    assert (done["operator"], done["queue"], done["ids"]) == ("opal", "wallet.money", ["own"])
    assert audited(ctl, "dlq.drop")[-1]["ids"] == ["own"]
    assert audited(ctl, "replay")[-1]["count"] == 0


async def test_what_cannot_be_recorded_is_not_done(publish_as, ctl, take, rabbit, vhost):
    own = {**FORGED, "ovation_message_id": "own"}
    await publish_as("wallet", "ovation.dlx.wallet", "wallet.money", headers=own, type=PAID)
    rabbit.manage("DELETE", f"/api/queues/{vhost}/ovation.audit")

    assert ctl("dlq", "redrive", "--queue", "wallet.money", "--yes")[0] == 3

    assert await take("wallet.money") == []
    assert len(await take("wallet.money.dlq")) == 1


async def test_an_upgrade_gives_services_the_rights_of_both_versions_and_takes_them_away(
    ctl, rabbit, vhost, publish_as
):
    def writable():
        return rabbit.manage("GET", f"/api/permissions/{vhost}/live")["write"]

    strict = writable()
    assert ctl("topology", "check")[0] == 0

    ctl("topology", "apply", "--both-versions", "--yes")
    assert writable() != strict
    code, printed = ctl("topology", "check", "--json")
    assert code == 1
    assert {(row["kind"], row["state"]) for row in json.loads(printed)} == {
        ("permissions", "other write")
    }
    await publish_as("live", "ovation.events", "live.level_reached", type=LEVEL)

    assert ctl("topology", "apply", "--yes")[0] == 0
    assert writable() == strict


@pytest.fixture
def no_auditor(rabbit):
    """A broker without the auditor; afterwards the other vhosts have theirs again."""
    permissions = rabbit.manage("GET", "/api/users/auditor/permissions")
    rabbit.manage("DELETE", "/api/users/auditor")
    yield
    there = {vhost["name"] for vhost in rabbit.manage("GET", "/api/vhosts")}
    for permission in permissions:
        if permission["vhost"] in there:
            rabbit.load({"permissions": [permission]}, vhost=permission["vhost"])


@pytest.mark.usefixtures("no_auditor")
async def test_an_installation_of_the_version_before_gets_its_auditor(ctl, rabbit):
    """No password is asked for that nobody made; one that is there is kept."""
    assert ctl("topology", "apply", "--yes")[0] == 0

    assert rabbit.manage("GET", "/api/users/auditor")["tags"] == ["monitoring"]
    assert ctl("audit")[0] == 0
    assert ctl("topology", "check")[0] == 0
