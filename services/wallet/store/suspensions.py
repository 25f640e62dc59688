"""Wallets that an operator has suspended."""

from shared.postgres.database import Transaction
from shared.postgres.statements import text


async def save(tx: Transaction, user: str, *, suspended: bool) -> bool:
    """Suspend or resume a wallet; return whether that is a change."""
    return bool(await tx.execute(_SAVE, {"user": user, "suspended": suspended}))


async def is_suspended(tx: Transaction, user: str) -> bool:
    """Whether an operator has suspended a wallet."""
    return bool((await tx.execute(_IS_SUSPENDED, {"user": user})).first())


_IS_SUSPENDED = text("SELECT 1 FROM suspensions WHERE user_id = :user AND suspended")
_SAVE = text("""
    INSERT INTO suspensions (user_id, suspended) VALUES (:user, :suspended)
    ON CONFLICT (user_id) DO UPDATE SET suspended = excluded.suspended
    WHERE suspensions.suspended <> excluded.suspended
    RETURNING user_id
""")
