"""Webhooks as they came: encrypted, deleted when they are too old, and read again when asked."""

from datetime import timedelta

import pytest

from services.purchase import jobs
from services.purchase.commands import webhook_archive as commands
from services.purchase.commands.webhook_archive import decrypt_webhook, tidy_archive
from services.purchase.domain.webhook_archive import ForeignWebhook, RawWebhook, pack, unpack
from services.purchase.main import build_http
from services.purchase.providers import ProviderUnavailable
from services.purchase.store import webhook_archive
from shared.keyring import Keyring, Undecryptable, new_key
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, client_of
from tests.metrics import metric
from tests.purchase.conftest import KEYS
from tests.purchase.pretend import a_webhook, signed

DAYS_400 = timedelta(days=400)
OLD, NEW = new_key(), new_key()


@pytest.fixture
def kept(database):
    """Read what is kept of a webhook, decrypted."""

    async def read(webhook_id, keys=KEYS):
        async with database.reference.transaction() as tx:
            archived = await webhook_archive.read(tx, "sandbox", webhook_id)
        return decrypt_webhook(keys, archived)

    return read


@pytest.fixture
def change(database):
    async def run(statement):
        async with database.reference.transaction() as tx:
            await tx.execute(text(statement))

    return run


@pytest.fixture
def tidy(database):
    """Delete and encrypt again until nothing is left to do."""

    async def run(keys=KEYS, retention=DAYS_400):
        is_more = True
        while is_more:
            async with database.reference.transaction() as tx:
                is_more = await tidy_archive(tx, keys, retention)

    return run


@pytest.fixture
def replay(database, providers, change):
    """Let all webhooks be read again."""

    async def run(keys=KEYS):
        await change("UPDATE webhook_archive SET replay_at = now()")
        await jobs.replay_due(database, providers, keys)

    return run


async def test_a_webhook_is_kept_byte_for_byte_and_nothing_of_it_can_be_read(
    bought, pretend, deliver, kept, rows
):
    purchase = await bought()
    headers, body = a_webhook(pretend.payment_of(purchase), webhook_id="msg_1")

    await deliver({**headers, "authorization": "Bearer token", "cookie": "a=b"}, body)

    raw = await kept("msg_1")
    assert raw.body == body
    assert raw.headers == headers
    (row,) = await rows("SELECT * FROM webhook_archive")
    assert purchase.encode() not in row["encrypted"]


async def test_of_a_webhook_that_comes_again_the_first_one_is_kept(
    bought, pretend, deliver, kept, rows
):
    payment = pretend.payment_of(await bought())
    first = a_webhook(payment, webhook_id="msg_1")
    await deliver(*first)

    await deliver(*a_webhook(payment, webhook_id="msg_1", kind="payment.failed"))

    assert (await kept("msg_1")).body == first[1]
    assert len(await rows("SELECT 1 FROM webhook_archive")) == 1


async def test_what_the_provider_did_not_sign_is_not_kept(bought, pretend, deliver, rows):
    headers, body = a_webhook(pretend.payment_of(await bought()))

    assert (await deliver(headers, body + b" ")).status_code == 401

    assert await rows("SELECT 1 FROM webhook_archive") == []


async def test_a_webhook_is_stored_with_its_event_or_not_at_all(
    bought, pretend, deliver, rows, monkeypatch
):
    payment = pretend.payment_of(await bought())

    async def break_down(_tx, _webhooks):
        raise RuntimeError("a crash")

    monkeypatch.setattr(webhook_archive, "add", break_down)
    assert (await deliver(*a_webhook(payment))).status_code == 500

    assert await rows("SELECT 1 FROM webhook_events") == []


async def test_without_keys_no_webhook_is_kept(database, providers, rules, pretend, rows):
    app = build_http(database, a_verifier(), providers, rules)
    async with client_of(app, a_token("mira")) as client:
        headers, body = a_webhook(pretend.make(reference="order-7"))
        sent = await client.post("/v1/webhooks/sandbox/payments", content=body, headers=headers)

    assert sent.status_code == 200
    assert len(await rows("SELECT 1 FROM webhook_events")) == 1
    assert await rows("SELECT 1 FROM webhook_archive") == []


async def test_webhooks_are_deleted_once_they_are_too_old(
    pretend, deliver, change, tidy, rows, monkeypatch
):
    monkeypatch.setattr(commands, "DELETED_MAX", 2)
    for number in range(7):
        payment = pretend.make(reference="order-7")
        await deliver(*a_webhook(payment, webhook_id=f"msg_{number}"))
    await change("""
        UPDATE webhook_archive SET received_at = received_at - interval '401 days'
        WHERE webhook_id <> 'msg_3'
    """)

    await tidy()

    assert await rows("SELECT webhook_id FROM webhook_archive") == [{"webhook_id": "msg_3"}]
    # That it came stays known: it is not followed a second time.
    assert len(await rows("SELECT 1 FROM webhook_events")) == 7

    await tidy(retention=timedelta(0))

    assert await rows("SELECT 1 FROM webhook_archive") == []


async def test_after_a_rotation_everything_is_encrypted_with_the_new_key(
    *, database, providers, rules, pretend, kept, tidy, rows, monkeypatch
):
    monkeypatch.setattr(commands, "ENCRYPTED_MAX", 2)
    app = build_http(database, a_verifier(), providers, rules, Keyring(OLD))
    bodies = {}
    async with client_of(app) as client:
        for number in range(5):
            headers, body = a_webhook(pretend.make(reference="o"), webhook_id=f"msg_{number}")
            bodies[f"msg_{number}"] = body
            await client.post("/v1/webhooks/sandbox/payments", content=body, headers=headers)
    both, newest = Keyring(f"{NEW}\n{OLD}"), Keyring(NEW)
    with pytest.raises(Undecryptable):
        await kept("msg_0", newest)

    await tidy(both)

    assert await rows("SELECT DISTINCT key_id FROM webhook_archive") == [{"key_id": newest.newest}]
    for webhook_id, body in bodies.items():
        assert (await kept(webhook_id, newest)).body == body


async def test_a_changed_webhook_stops_neither_a_rotation_nor_the_deletion_of_others(
    *, database, providers, rules, pretend, change, tidy, rows, monkeypatch
):
    monkeypatch.setattr(commands, "ENCRYPTED_MAX", 1)
    app = build_http(database, a_verifier(), providers, rules, Keyring(OLD))
    async with client_of(app) as client:
        for number in range(4):
            headers, body = a_webhook(pretend.make(reference="o"), webhook_id=f"msg_{number}")
            await client.post("/v1/webhooks/sandbox/payments", content=body, headers=headers)
    await change("UPDATE webhook_archive SET encrypted = 'changed' WHERE webhook_id = 'msg_0'")
    await change("""
        UPDATE webhook_archive SET received_at = received_at - interval '401 days'
        WHERE webhook_id = 'msg_1'
    """)
    both = Keyring(f"{NEW}\n{OLD}")

    await tidy(both)

    found = await rows("SELECT webhook_id, key_id FROM webhook_archive ORDER BY webhook_id")
    assert [tuple(each.values()) for each in found] == [
        ("msg_0", commands.UNREADABLE),
        ("msg_2", both.newest),
        ("msg_3", both.newest),
    ]


async def test_a_webhook_that_could_not_be_read_is_followed_when_it_is_read_again(
    *, bought, pretend, send_webhook, change, replay, wait, read
):
    """As after a mistake in how webhooks are read."""
    purchase = await bought()
    await send_webhook(purchase, webhook_id="msg_1")
    await change("UPDATE webhook_events SET kind = 'unreadable', payment = NULL, reference = NULL")
    pretend.become(purchase, "succeeded")

    await replay()
    await wait()

    assert (await read(purchase))["state"] == "paid"


async def test_a_webhook_that_is_read_again_and_again_pays_once(
    bought, pay, replay, wait, event_names, rows
):
    purchase = await bought()
    await pay(purchase)

    for _ in range(3):
        await replay()
        await wait()

    assert len(await rows("SELECT 1 FROM payments")) == 1
    assert await event_names() == []
    assert await rows("SELECT 1 FROM webhook_events WHERE next_check_at IS NOT NULL") == []


async def test_a_webhook_of_a_lost_key_is_left_and_the_others_are_read(
    *, bought, pay, change, replay, rows
):
    await pay(await bought(key="one"))
    await pay(await bought(key="two"))
    await change("""
        UPDATE webhook_archive SET encrypted = 'lost'
        WHERE webhook_id = (SELECT min(webhook_id) FROM webhook_archive)
    """)
    await change("UPDATE webhook_events SET checks = 7")

    await replay()

    assert await rows("SELECT 1 FROM webhook_archive WHERE replay_at IS NOT NULL") == []
    assert len(await rows("SELECT 1 FROM webhook_events WHERE checks = 0")) == 1


class Unanswered:
    """A provider that has to be asked to read its webhooks, and gives no answer."""

    def __init__(self, broken):
        self.broken = broken

    async def read_webhook(self, headers, body):
        del headers, body
        if self.broken:
            raise ValueError("of another form")
        raise ProviderUnavailable("no answer")


@pytest.mark.parametrize("broken", [False, True])
async def test_a_webhook_that_cannot_be_read_is_tried_ever_more_rarely_and_given_up_after_a_day(
    *, database, bought, pay, change, rows, broken
):
    await pay(await bought())
    await change("UPDATE webhook_archive SET replay_at = now()")
    given_up = metric("ovation_webhook_replays_given_up_total")
    pauses = []
    while await rows("SELECT 1 FROM webhook_archive WHERE replay_at IS NOT NULL"):
        await change("UPDATE webhook_archive SET replay_at = now()")
        await jobs.replay_due(database, {"sandbox": Unanswered(broken)}, KEYS)
        (row,) = await rows(
            "SELECT round(extract(epoch FROM replay_at - now()) / 60)::integer AS n"
            " FROM webhook_archive"
        )
        pauses.append(row["n"])

    assert pauses[:8] == [1, 2, 4, 8, 16, 32, 64, 64]
    assert pauses[-1] is None
    assert 23 * 60 <= sum(pauses[:-1]) <= 25 * 60
    assert metric("ovation_webhook_replays_given_up_total") == given_up + 1


async def test_a_row_cannot_be_taken_for_another(database, bought, pay, change, rows):
    await pay(await bought(key="one"))
    await pay(await bought(key="two"))
    await change("""
        UPDATE webhook_archive SET encrypted = other.encrypted
        FROM (SELECT webhook_id, encrypted FROM webhook_archive) AS other
        WHERE other.webhook_id <> webhook_archive.webhook_id
    """)
    (first, _) = await rows("SELECT webhook_id FROM webhook_archive")

    async with database.reference.transaction() as tx:
        archived = await webhook_archive.read(tx, "sandbox", first["webhook_id"])
    with pytest.raises(ForeignWebhook):
        decrypt_webhook(KEYS, archived)


async def test_an_unreadable_webhook_is_kept_as_it_came(deliver, kept):
    body = b'{"type": 7, "data": "\\ud800"}\n\n\x00'

    assert (await deliver(*signed_bytes(body, "msg_odd"))).status_code == 200

    assert (await kept("msg_odd")).body == body


@pytest.mark.parametrize("body", [b"", b"\n", b"{}\n{}", bytes(range(256))])
def test_any_body_is_unpacked_as_it_was_packed(body):
    raw = RawWebhook({"webhook-id": "ü\n"}, body)

    assert unpack("a", "b", pack("a", "b", raw)) == raw
    with pytest.raises(ForeignWebhook):
        unpack("a", "c", pack("a", "b", raw))


def signed_bytes(body, webhook_id):
    headers, sent = signed(body.decode("latin-1"), webhook_id=webhook_id)
    return headers, sent
