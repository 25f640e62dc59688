"""Every unique key of a user's table starts with the user: they can be spread over databases."""

import pytest
from sqlalchemy import text

# Whose the rows of a table are, if it has such a column. Live is left out: its tables are
# of rooms, and are counted again from events.
OWNERS = {"purchase": "viewer", "wallet": "user_id", "gift": "viewer", "payout": "creator"}
LEDGER = "user_id"
# What operators ask for and providers tell names a user too, but is theirs: it stays in one place.
OF_OTHERS = {"adjustments", "audit", "notifications"}
KEYS = text("""
    SELECT tables.relname AS owned, keys.relname AS key, (
        SELECT attname FROM pg_attribute
        WHERE attrelid = tables.oid AND attnum = pg_index.indkey[0]
    ) AS first
    FROM pg_index
    JOIN pg_class AS tables ON tables.oid = indrelid
    JOIN pg_class AS keys ON keys.oid = indexrelid
    WHERE indisunique AND tables.relnamespace = 'public'::regnamespace AND EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = tables.oid AND attname = ANY(:owners)
    )
""")


@pytest.mark.parametrize("service", OWNERS)
async def test_every_unique_key_of_a_user_s_table_starts_with_the_user(database_of, service):
    owners = {OWNERS[service], LEDGER}
    async with database_of(service).transaction() as tx:
        keys = list(await tx.execute(KEYS, {"owners": sorted(owners)}))

    assert len({key.owned for key in keys} - OF_OTHERS) > 1
    wrong = {key.key for key in keys if key.first not in owners and key.owned not in OF_OTHERS}
    assert wrong == set()
