"""The accounts of payees at their providers, and when they are read again."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.payout import columns as tables
from services.payout.domain.payees import AccountStatus
from services.payout.store.payees import ACCOUNT_DUE
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class Account:
    """A payee's account that is read now; `reads` counts the readings, this one included."""

    creator: str
    currency: str
    provider: str
    destination: str
    reads: int


_account = RowMapper(Account, tables.Payee)


async def claim_due(tx: Transaction, limit: int) -> Sequence[Account]:
    """
    Take accounts that are due; no other worker gets them for a while.

    One is read again after 1, 2, 4 ... minutes, at most six hours apart, until nothing is missing.
    """
    return [_account(row) for row in await tx.execute(_CLAIM, {"limit": limit})]


_CLAIM = text(f"""
    UPDATE payees
    SET reads = reads + 1,
        next_read_at = now() + least(power(2, least(reads, 12)), 360) * interval '1 minute'
    FROM (
        SELECT creator, currency FROM payees
        WHERE next_read_at <= now()
        ORDER BY next_read_at LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE payees.creator = due.creator AND payees.currency = due.currency
    RETURNING {_account.columns}
""")  # noqa: S608 - our own text only


async def make_due(tx: Transaction, provider: str, destination: str) -> None:
    """Let an account be read soon, of all payees whose money goes there."""
    values = {"provider": provider, "destination": destination}
    await tx.execute(_MAKE_DUE, values)
    tx.wake(ACCOUNT_DUE)


# Rows are locked sorted: two webhooks at once may be about the same payees.
_MAKE_DUE = text("""
    UPDATE payees SET next_read_at = now()
    FROM (
        SELECT creator, currency FROM payees
        WHERE provider = :provider AND destination = :destination AND account IS NOT NULL
        ORDER BY creator, currency FOR UPDATE
    ) AS due
    WHERE payees.creator = due.creator AND payees.currency = due.currency
""")


async def save_status(
    tx: Transaction, account: Account, status: AccountStatus, *, is_complete: bool
) -> bool:
    """
    Write what the provider says; False if it is about an account that was replaced, or too old.

    An answer to an older reading than one that was applied changes nothing. A complete account is
    read again after a week: a webhook about it may have been lost.
    """
    values = {
        "creator": account.creator,
        "currency": account.currency,
        "provider": account.provider,
        "destination": account.destination,
        "reads": account.reads,
        "verification": status.verification.value,
        "tax_form": status.tax_form.value,
        "tax_form_kind": status.tax_form_kind,
        "requirements": list(status.requirements),
        "payouts_enabled": status.payouts_enabled,
        "country": status.country,
        "is_complete": is_complete,
    }
    return bool(await tx.execute(_SAVE_STATUS, values))


# A webhook since this reading began made the account due again: that stays.
_SAVE_STATUS = text("""
    UPDATE payees SET
        verification = :verification, tax_form = :tax_form, tax_form_kind = :tax_form_kind,
        requirements = CAST(:requirements AS text[]), payouts_enabled = :payouts_enabled,
        country = coalesce(:country, country), applied_read = :reads,
        next_read_at = CASE WHEN :is_complete AND next_read_at > clock.now
            THEN clock.in_a_week ELSE next_read_at END
    FROM (SELECT now() AS now, now() + interval '7 days' AS in_a_week) AS clock
    WHERE creator = :creator AND currency = :currency
      AND (provider, destination) = (:provider, :destination)
      AND :reads BETWEEN applied_read AND reads
    RETURNING revision
""")
