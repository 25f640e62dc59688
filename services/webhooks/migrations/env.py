"""How Alembic reaches the webhooks service's database: over the connection it is given."""

from alembic import context

known = context.config.attributes
context.configure(connection=known["connection"], version_table=known["version_table"])
with context.begin_transaction():
    context.run_migrations()
