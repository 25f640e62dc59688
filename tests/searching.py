"""Looking for words in all that a service has stored."""

from shared.postgres.statements import text

# What is on its way out is in the outbox until the relay has sent it.
TABLES = text("""
    SELECT DISTINCT tablename AS name FROM pg_tables
    WHERE schemaname = ANY(current_schemas(false)) AND tablename <> 'outbox'
        AND has_table_privilege(format('%I.%I', schemaname, tablename), 'SELECT')
""")


async def tables_with(database, words):
    """Return the tables that have these words in any row and column."""
    async with database.transaction() as tx:
        found = []
        for name in [row.name for row in await tx.execute(TABLES)]:
            holding = text(f"SELECT 1 FROM {name} AS t WHERE t::text LIKE :words LIMIT 1")
            if await tx.execute(holding, {"words": f"%{words}%"}):
                found.append(name)
        return found
