"""The tables stop what the code should never try, and look as the code believes they do."""

import pytest
from asyncpg import InsufficientPrivilegeError, IntegrityConstraintViolationError

from services.webhooks.tables import WebhooksTable
from shared.postgres.statements import text
from tests.drift import drift

ID = "'00000000-0000-0000-0000-000000000001'"
ENDPOINT = (
    "INSERT INTO endpoints (id, team, key, request_hash, url, description, events, disabled,"
    " failures) VALUES ({id}, 't', '{key}', '', '{url}', '', '{events}', {disabled}, {failures})"
)
FITTING = {
    "id": ID,
    "key": "k",
    "url": "https://a.example/",
    "events": "{gift.sent}",
    "disabled": "NULL",
    "failures": 0,
}
EVENT = f"INSERT INTO events (id, name, people, occurred_at) VALUES ({ID}, 'e', '{{}}', now())"
DELIVERY = (
    "INSERT INTO deliveries (endpoint, event, name, source, subject, sequence, expires_at, state,"
    f" attempts, due_at, lease, finished_at) VALUES ({ID}, {ID}, 'e', '/', 's', '1', now(), {{}})"
)
ATTEMPT = (
    "INSERT INTO attempts (endpoint, event, number, began_at, milliseconds, status, error)"
    f" VALUES ({ID}, {ID}, 1, now(), {{}})"
)
SECRET = (
    "INSERT INTO endpoint_secrets (endpoint, number, key, request_hash, key_id, encrypted)"
    f" VALUES ({ID}, {{}}, '{{}}', '', 'i', '')"
)
PENDING = DELIVERY.format("'pending', 0, now(), NULL, NULL")


def an_endpoint(**about):
    return ENDPOINT.format(**{**FITTING, **about})


async def run(database, *statements):
    async with database.transaction() as tx:
        for statement in statements:
            await tx.execute(text(statement))


@pytest.mark.parametrize(
    ("constraint", "statement"),
    [
        ("endpoint_has_an_address", an_endpoint(url="")),
        ("endpoint_has_events", an_endpoint(events="{}")),
        ("endpoint_disabled_known", an_endpoint(disabled="'tired'")),
        ("endpoint_failures_count", an_endpoint(failures=-1)),
    ],
)
async def test_an_endpoint_that_cannot_be_is_refused(database, constraint, statement):
    with pytest.raises(IntegrityConstraintViolationError, match=constraint):
        await run(database, statement)


@pytest.mark.parametrize(
    ("constraint", "statements"),
    [
        ("delivery_state_known", [DELIVERY.format("'lost', 0, NULL, NULL, now()")]),
        ("delivery_attempts_count", [DELIVERY.format("'pending', -1, now(), NULL, NULL")]),
        ("delivery_is_due_or_finished", [DELIVERY.format("'pending', 0, NULL, NULL, NULL")]),
        ("delivery_is_due_or_finished", [DELIVERY.format("'failed', 0, NULL, NULL, NULL")]),
        ("delivery_is_due_or_finished", [DELIVERY.format("'failed', 0, now(), NULL, now()")]),
        ("delivery_leased_while_pending", [DELIVERY.format(f"'failed', 0, NULL, {ID}, now()")]),
        ("attempt_took_time", [PENDING, ATTEMPT.format("-1, 200, NULL")]),
        ("attempt_has_a_result", [PENDING, ATTEMPT.format("1, NULL, NULL")]),
        ("attempt_has_a_result", [PENDING, ATTEMPT.format("1, 200, 'timeout'")]),
        ("deliveries_pkey", [PENDING, PENDING]),
        ("one_secret_in_use", [SECRET.format(1, "a"), SECRET.format(2, "b")]),
        ("one_endpoint_a_key", [an_endpoint(id="gen_random_uuid()")]),
    ],
)
async def test_a_row_that_cannot_be_is_refused(database, constraint, statements):
    with pytest.raises(IntegrityConstraintViolationError, match=constraint):
        await run(database, an_endpoint(), EVENT, *statements)


async def test_a_secret_is_made_once_a_key(database):
    ended = "UPDATE endpoint_secrets SET ends_at = now()"
    again = [SECRET.format(1, "a"), ended, SECRET.format(2, "a")]
    with pytest.raises(IntegrityConstraintViolationError, match="one_secret_a_key"):
        await run(database, an_endpoint(), *again)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO grants (team, event) VALUES ('charts', 'payout.paid')",
        "UPDATE grants SET team = 'charts'",
        "DELETE FROM grants",
    ],
)
async def test_the_service_cannot_grant_a_team_anything(database, statement):
    with pytest.raises(InsufficientPrivilegeError):
        await run(database, statement)


async def test_the_audit_log_cannot_be_changed(database):
    for statement in ("DELETE FROM audit", "UPDATE audit SET operator = 'ben'"):
        with pytest.raises(InsufficientPrivilegeError):
            await run(database, statement)


async def test_the_migrations_make_the_tables_that_the_code_describes(database):
    assert await drift(database, WebhooksTable.metadata) == []
