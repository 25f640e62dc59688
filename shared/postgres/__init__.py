"""PostgreSQL over asyncpg: pool and transaction, errors by kind, batched commits, migrations."""
