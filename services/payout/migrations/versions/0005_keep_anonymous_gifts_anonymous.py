"""
Keep who gave anonymously from their creators.

NULL is what nobody knows: of gifts earned before this, or by the version before while it still ran.
It is treated like anonymous, for a name that was told cannot be taken back.
"""

from shared.postgres.migrate import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql("ALTER TABLE earnings ADD COLUMN anonymous boolean")
