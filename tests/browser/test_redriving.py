"""On call by clicking: a message that a service could not handle is understood and redriven."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import aio_pika
import httpx
import pytest
from playwright.sync_api import expect

from deploy.config.databases import in_own_thread, run_sql
from shared.contracts.envelope import headers_of
from shared.contracts.gift import GiftSent
from shared.contracts.samples import envelope, sample
from tests.browser.conftest import CREATOR, VIEWER
from tests.browser.test_access import faults, finished
from tests.browser.test_journeys import OPERATOR
from tests.journeys.people import eventually

READER = {**OPERATOR, "scopes": [*OPERATOR["scopes"], "dead-letters:read"]}
ON_CALL = {**READER, "scopes": [*READER["scopes"], "dead-letters:write"]}
QUEUE, SERVICE, VHOST = "live.gifts", "live", "journeys"


@pytest.fixture
def set_aside(system):
    """Let live give up on a message, as its consumer does it."""

    async def purge():
        async with await aio_pika.connect(system.rabbit.url(VHOST)) as connection:
            channel = await connection.channel()
            await (await channel.get_queue(f"{QUEUE}.dlq", ensure=False)).purge()

    def publish(body, **headers):
        async def publish_one():
            password = system.secrets.broker[SERVICE]
            url = system.rabbit.url(VHOST, user=SERVICE, password=password)
            async with await aio_pika.connect(url) as connection:
                channel = await connection.channel(on_return_raises=True)
                target = await channel.get_exchange(f"ovation.dlx.{SERVICE}", ensure=False)
                message = aio_pika.Message(
                    body, user_id=SERVICE, type=GiftSent.type(), headers=headers
                )
                await target.publish(message, routing_key=QUEUE)

        in_own_thread(lambda: asyncio.run(publish_one()))

    yield publish
    in_own_thread(lambda: asyncio.run(purge()))


@pytest.fixture
def lost(stage, system, set_aside):
    """A gift of which live never heard: its message is a dead letter."""
    mira, lea = stage.person("mira", **VIEWER), stage.person("lea", **CREATOR)
    gift = sample(GiftSent, gift=uuid4(), viewer=mira.user, creator=lea.user)
    body = envelope(gift, occurred_at=datetime.now(UTC))
    reason = {
        "ovation_message_id": str(gift.id),
        "ovation_said_by": "gift",
        "ovation_attempts": "5",
        "ovation_error_code": "KeyError",
        "ovation_error_message": "'g_rose' \u202e<b>",
    }
    set_aside(body, **headers_of(body), **reason)
    yield gift
    # Whoever builds live anew waits for the gifts that it knows, and nobody else knows this one.
    dsn = system.postgres.dsn(SERVICE)
    run_sql(dsn, [f"DELETE FROM gifts WHERE gift = '{gift.gift}'"])


def shown(operator):
    page = operator.open("/operator")
    button = page.get_by_role("button", name=f"Show the dead letters of {QUEUE}")
    # Counts are a few seconds old at most.
    eventually(lambda: page.reload() or finished(page) or button.count())
    button.click()
    return page.locator("#dead-letters")


def test_a_dead_letter_is_understood_and_redriven_by_clicking(
    visitor, stage, system, lost, set_aside, axe
):
    set_aside(b"{}", ovation_message_id="forged", ovation_error_code="foreign-publisher")
    operator = visitor(f"ops-{uuid4().hex[:6]}", claims=ON_CALL)
    queue = shown(operator)
    page = operator.page
    page.locator("#problems a", has_text=f"of {QUEUE}").wait_for()
    line = queue.locator("li.dead-letter", has_text=str(lost.id))
    assert "KeyError" in line.inner_text()
    line.locator("summary").click()
    assert lost.creator in line.locator("pre").inner_text()
    forged = queue.locator("li.dead-letter", has_text="Forged")
    assert forged.get_by_role("button", name="Redrive").count() == 0
    operator.keep("console-5-dead-letters", whole=True)
    assert faults(page, axe) == []

    line.get_by_role("button", name="Redrive").click()
    dialog = page.locator("dialog")
    assert str(lost.id) in dialog.locator(".touches").inner_text()
    assert "comes back here" in dialog.inner_text()
    dialog.get_by_label("Reason").fill("live knows roses now")
    operator.keep("console-6-redrive")
    dialog.get_by_role("button", name="Redrive").click()
    dialog.get_by_text("no dead letter any more").wait_for()
    dialog.get_by_role("button", name="Done").click()

    watcher = stage.person("ops", **OPERATOR)
    path = f"/v1/operator/live/gifts/{lost.gift}"
    known = {"url": stage.url + path, "headers": watcher.headers}
    eventually(lambda: httpx.get(**known).status_code == 200)
    expect(line).to_have_count(0)
    forged.wait_for()
    page.reload()
    page.locator("#audit li", has_text="live knows roses now").wait_for()


def test_whoever_may_only_read_is_offered_no_redrive(visitor, lost):
    operator = visitor(f"ops-{uuid4().hex[:6]}", claims=READER)
    line = shown(operator).locator("li.dead-letter", has_text=str(lost.id))
    line.locator("summary").wait_for()
    assert line.get_by_role("button").count() == 0


def test_without_its_scope_the_panel_is_not_there(visitor, lost):
    page = visitor(f"ops-{uuid4().hex[:6]}", claims=OPERATOR).open("/operator")
    page.locator("#problems li", has_text=f"of {QUEUE}").wait_for()
    assert page.locator("#dead-letters").count() == 0
