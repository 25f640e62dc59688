"""
Users can be spread over several databases: whatever has to be unique is unique within one user.

An index that makes something unique begins with whose it is, or a database that holds a part of
the users could not keep it.
"""

import pytest

from deploy.config.services import DATABASES
from shared.postgres.statements import text

# All but webhooks, whose rows are of teams, and live. What live keeps belongs to rooms, which many
# give in: their streams, scores, goals. It can be counted again from the events, and would be
# spread by room, if ever.
SERVICES = sorted(set(DATABASES) - {"live", "webhooks"})
# Whose a row is. The event archive's key is its event's partition key: the user.
WHOSE = {"user_id", "viewer", "creator", "event_archive.key"}
NOBODYS = {
    "alembic_version": "which migrations the schema has had",
    "alembic_version_reference": "which migrations the schema of reference has had",
    "parts": "how many parts the database was made with",
    "inbox": "what this database has heard",
    "outbox": "what this database has to say",
    "outbox_blocked": "what this database has to say",
    "archives": "whole blocks of the chain over what this database held",
    "archive_totals": "sums over whole blocks",
    "seals": "the chain over what this database holds",
    "unsealed": "what this database has yet to seal",
    "redrives": "an operator's, of a message that may be nobody's",
    "audit": "what operators did, in the order in which they did it",
    "catalogue": "the operator's: the same for everybody",
    "gift_types": "the operator's: the same for everybody",
    "catalogue_files": "the operator's: the same for everybody",
    "prices": "the operator's: the same for everybody",
    "rate_announcements": "the operator's: the same for everybody",
    "campaigns": "the operator's: one budget for all viewers",
    "campaign_promises": "of a campaign's budget, which is of all viewers",
    "receipt_numbers": "a seller's: every year has numbers without gaps, whoever buys",
    "receipts_pkey": "a seller's: every year has numbers without gaps, whoever buys",
    "webhook_archive": "a provider's words, before it is known whom they are about",
    "backfills": "one row a payment provider",
    "webhook_events": "a provider's words, before it is known whom they are about",
    "payment_names": "a provider's names of payments, before it is known whose they are",
    "tencent_signatures": "a second of Tencent's, whoever gave in it",
    "gift.rooms": "live's: where one room is, whoever gives in it",
    "liability_days": "a day's: sums over all viewers",
    "flow_hours": "an hour's: sums over all viewers",
    "liability_lines": "a day's: sums over all viewers",
    "bank_batches": "an operator's file: it pays many creators of a part",
    "bank_cutoffs": "an operator's file that is begun",
    "bank_files": "an operator's: one pays many creators",
    "bank_reports": "a bank's words, about many creators",
    "payout.streams": "live's: when one room was live, whoever earned in it",
    "payout.fraud_warnings": "of a lot, before it is known which creators it paid",
}
UNIQUE = text("""
    SELECT tables.relname AS table, indexes.relname AS name, attname AS first
    FROM pg_index
    JOIN pg_class AS tables ON tables.oid = indrelid
    JOIN pg_class AS indexes ON indexes.oid = indexrelid
    JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
    WHERE indisunique AND tables.relnamespace = 'public'::regnamespace
""")


@pytest.fixture
def others_in(database_of):
    """Find the unique indexes that do not begin with a user, each with its excuse, if any."""

    async def look(service):
        async with database_of(service).transaction() as tx:
            rows = await tx.execute(UNIQUE)
        found = {}
        for row in rows:
            if not WHOSE & {row.first, f"{row.table}.{row.first}"}:
                names = (row.name, row.table, f"{service}.{row.table}")
                found[row.name] = next((name for name in names if name in NOBODYS), None)
        return found

    return look


@pytest.mark.parametrize("service", SERVICES)
async def test_every_unique_key_of_a_users_table_starts_with_the_user(others_in, service):
    found = await others_in(service)

    assert [index for index, excuse in found.items() if excuse is None] == []


async def test_nothing_is_excused_that_needs_no_excuse(others_in):
    found = [await others_in(service) for service in SERVICES]

    assert {excuse for each in found for excuse in each.values()} == set(NOBODYS)
