"""An operator looks at a webhook and lets it be read again: each look is in the audit log."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from deploy.config.databases import in_own_thread
from deploy.ctl.commands import webhooks as commands
from deploy.ctl.installation import Installation
from services.purchase.commands.webhook_archive import encrypt_webhook
from services.purchase.domain.purchases import WebhookEvent
from services.purchase.domain.webhook_archive import RawWebhook
from services.purchase.store import webhook_archive, webhook_events
from shared.keyring import Keyring, new_key
from shared.postgres.statements import text
from tests.terminal import a_terminal

BODY = b'{"type": "payment.succeeded", "name": "\x1b[2J\xff"}'
HEADERS = {"webhook-id": "msg_1"}


@pytest.fixture
def purchases(database_of):
    return database_of("purchase")


@pytest.fixture
def ctl(monkeypatch, vhost, postgres, rabbit, credentials, purchases):
    """Run a command against this test's own vhost and database."""
    run = a_terminal(
        monkeypatch, postgres=postgres, rabbit=rabbit, vhost=vhost, secrets=credentials
    )
    monkeypatch.setenv("OVATIONCTL_OPERATOR", "opal")
    broker = f"{rabbit.host}:{rabbit.port}"
    address = f"{postgres.host}:{postgres.port}"
    here = Installation(
        address,
        rabbit.management_url,
        broker,
        secret=credentials.read,
        vhost=vhost,
        databases={"purchase": purchases.name},
    )
    monkeypatch.setattr(commands, "here", lambda: here)
    return lambda *arguments: in_own_thread(lambda: run(*arguments))


@pytest.fixture
def keep(purchases, credentials):
    """Let a webhook have come; its provider is another one for each test."""

    async def keep_one(webhook_id="msg_1", *, keys=None, **ago):
        event = WebhookEvent("stripe-eu", webhook_id, "charge.updated", b"", "ch_1", None)
        at = datetime.now(UTC) - timedelta(**ago)
        keys = keys or Keyring(credentials.webhook_archive_key)
        archived = encrypt_webhook(keys, event, RawWebhook(HEADERS, BODY))
        async with purchases.transaction() as tx:
            await webhook_events.add(tx, [(event, None)], now=at, next_check_at=at)
            await webhook_archive.add(tx, [archived])
            await tx.execute(
                text("UPDATE webhook_archive SET received_at = :at WHERE webhook_id = :id"),
                {"at": at, "id": webhook_id},
            )

    return keep_one


@pytest.fixture
def audited(ctl):
    """Read the acts of a kind in the audit log."""

    def read(act):
        code, printed = ctl("audit", "--json")
        assert code == 0
        return [line for line in json.loads(printed) if line["act"] == act]

    return read


async def test_a_webhook_is_shown_as_it_came_and_the_look_is_recorded_first(ctl, keep, audited):
    await keep()

    code, printed = ctl("webhooks", "show", "stripe-eu", "msg_1")

    assert code == 0
    assert '"type": "payment.succeeded"' in printed
    assert "webhook-id: msg_1" in printed
    assert "\x1b" not in printed
    begun, done = audited("webhooks.show")
    assert (begun["state"], done["state"]) == ("begun", "done")
    assert (done["provider"], done["webhook_id"], done["operator"]) == (
        "stripe-eu",
        "msg_1",
        "opal",
    )
    # The log is read by others than the webhook is.
    assert "succeeded" not in json.dumps([begun, done])


async def test_a_look_at_what_is_not_there_is_recorded_too(ctl, audited):
    code, _ = ctl("webhooks", "show", "stripe-eu", "msg_7")

    assert code == 1
    assert audited("webhooks.show")[-1]["found"] is False


async def test_a_webhook_of_a_lost_key_is_not_shown(ctl, keep):
    await keep(keys=Keyring(new_key()))

    code, _ = ctl("webhooks", "show", "stripe-eu", "msg_1")

    assert code == 1


async def test_webhooks_are_listed_without_their_content(ctl, keep):
    await keep("msg_1", hours=30)
    await keep("msg_2", hours=2)
    await keep("msg_3", hours=1)

    code, printed = ctl("webhooks", "ls", "--json")
    since = f"{datetime.now(UTC) - timedelta(hours=3):%Y-%m-%dT%H:%M:%S}"
    _, newer = ctl("webhooks", "ls", "--from", since, "--json")
    _, one = ctl("webhooks", "ls", "--id", "msg_1", "--json")
    _, none = ctl("webhooks", "ls", "--provider", "paypal", "--json")

    assert code == 0
    listed = json.loads(printed)
    assert [each["webhook_id"] for each in listed] == ["msg_3", "msg_2", "msg_1"]
    assert listed[0]["kind"] == "charge.updated"
    assert "succeeded" not in printed
    assert [each["webhook_id"] for each in json.loads(newer)] == ["msg_3", "msg_2"]
    assert [each["webhook_id"] for each in json.loads(one)] == ["msg_1"]
    assert json.loads(none) == []


async def test_chosen_webhooks_are_to_be_read_again(ctl, keep, purchases, audited):
    for number in range(3):
        await keep(f"msg_{number}", hours=number)

    nothing, _ = ctl("webhooks", "replay", "--yes")
    since = f"{datetime.now(UTC) - timedelta(minutes=90):%Y-%m-%dT%H:%M:%S}"
    code, printed = ctl("webhooks", "replay", "--from", since, "--yes", "--json")

    assert (nothing, code) == (2, 0)
    assert json.loads(printed) == {"webhooks": 2}
    async with purchases.transaction() as tx:
        rows = await tx.execute(
            text("SELECT webhook_id FROM webhook_archive WHERE replay_at IS NOT NULL")
        )
    assert {row.webhook_id for row in rows} == {"msg_0", "msg_1"}
    assert audited("webhooks.replay")[-1]["count"] == 2


async def test_it_is_told_which_keys_are_still_needed(ctl, keep, credentials):
    old = Keyring(new_key())
    await keep(f"msg_{uuid4()}", keys=old)
    await keep(f"msg_{uuid4()}")

    _, printed = ctl("webhooks", "keys", "--json")

    newest = Keyring(credentials.webhook_archive_key).newest
    found = {each["key_id"]: (each["webhooks"], each["is_newest"]) for each in json.loads(printed)}
    assert found == {old.newest: (1, False), newest: (1, True)}
