"""Check the rows that were there before the last migration's constraints were."""

from shared.postgres.migrate import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_sql("ALTER TABLE holds VALIDATE CONSTRAINT refunded_is_counted")
    run_sql("ALTER TABLE held_coins VALIDATE CONSTRAINT held_coins_are_counted")
