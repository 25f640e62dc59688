"""What is posted of an event is what its publisher wrote, for every event there is."""

import json

import pytest

from services.webhooks.commands.events import record_events
from shared.contracts.decoding import read_body
from shared.contracts.routes import EVENTS
from shared.contracts.samples import sample
from shared.postgres.statements import text
from tests.deliveries import a_delivery
from tests.webhooks.conftest import QUICK


@pytest.mark.parametrize("half", [EVENTS[::2], EVENTS[1::2]])
async def test_the_document_of_every_event_is_what_was_published(database, as_admin, half):
    names = [event.name for event in half]
    listed = ", ".join(f"('charts', '{name}')" for name in names)
    quoted = ", ".join(f"'{name}'" for name in names)
    as_admin(
        f"INSERT INTO grants (team, event) VALUES {listed}",
        f"""INSERT INTO endpoints (id, team, key, request_hash, url, description, events)
            VALUES (gen_random_uuid(), 'charts', 'k', '', 'https://a.example/', '',
                ARRAY[{quoted}])""",
    )
    published = {}
    for contract in half:
        event = sample(contract)
        published[str(event.id)] = (contract, a_delivery(event).body)
    received = [
        read_body(body, contract, publisher=contract.owner())
        for contract, body in published.values()
    ]

    async with database.transaction() as tx:
        await record_events(tx, received, QUICK)
        rows = await tx.execute(text("SELECT id, body FROM events"))

    kept = {str(row.id): json.loads(row.body) for row in rows}
    assert kept == {name: json.loads(body) for name, (_, body) in published.items()}
