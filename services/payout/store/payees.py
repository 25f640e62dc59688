"""Where creators' money goes, and what is known about it."""

from datetime import timedelta

from services.payout import columns as tables
from services.payout.domain.payees import Payee, PayeeRequest
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

# Woken when an account is to be read, or a name to be screened.
ACCOUNT_DUE = "payee-accounts"
SCREENING_DUE = "payee-screenings"

payee_of = RowMapper(Payee, tables.Payee)


async def of_creator(tx: Transaction, creator: str) -> dict[str, Payee]:
    """Return a creator's payees by currency."""
    rows = await tx.execute(_OF_CREATOR, {"creator": creator})
    return {row.currency: payee_of(row) for row in rows}


_OF_CREATOR = text(f"""
    SELECT {payee_of.columns} FROM payees WHERE creator = :creator ORDER BY currency
""")  # noqa: S608 - our own text only


async def find(tx: Transaction, creator: str, currency: str) -> Payee | None:
    row = (await tx.execute(_FIND, {"creator": creator, "currency": currency})).first()
    return payee_of(row) if row else None


_FIND = text(f"""
    SELECT {payee_of.columns} FROM payees WHERE creator = :creator AND currency = :currency
""")  # noqa: S608 - our own text only


async def lock(tx: Transaction, creator: str, currency: str) -> Payee | None:
    row = (await tx.execute(_LOCK, {"creator": creator, "currency": currency})).first()
    return payee_of(row) if row else None


_LOCK = text(f"""
    SELECT {payee_of.columns} FROM payees WHERE creator = :creator AND currency = :currency
    FOR UPDATE
""")  # noqa: S608 - our own text only


async def next_revision(tx: Transaction, creator: str) -> int:
    """Return the number of a creator's next payee, from 1 on; none comes twice."""
    return int((await tx.execute(_NEXT_REVISION, {"creator": creator})).scalar_one())


_NEXT_REVISION = text("""
    INSERT INTO payee_revisions AS known (creator, newest) VALUES (:creator, 1)
    ON CONFLICT (creator) DO UPDATE SET newest = known.newest + 1
    RETURNING newest
""")


async def save(
    tx: Transaction,
    wanted: PayeeRequest,
    *,
    revision: int,
    rest: timedelta | None,
    unreviewed: bool,
) -> Payee:
    """
    Send a creator's money elsewhere from now on; changes of the creator's payees are locked.

    Nothing is known of the new one: an account that onboarding created is read soon, one that
    was entered is taken as it is, and a name is screened soon.
    """
    values = {
        "creator": wanted.creator,
        "currency": wanted.currency,
        "provider": wanted.provider,
        "destination": wanted.destination,
        "country": wanted.country,
        "account": wanted.account,
        "changed_by": wanted.changed_by,
        "revision": revision,
        "rest": rest,
        "unreviewed": unreviewed,
    }
    row = (await tx.execute(_SAVE, values)).one()
    tx.wake(SCREENING_DUE)
    if wanted.account is not None:
        tx.wake(ACCOUNT_DUE)
    return payee_of(row)


_SAVE = text(f"""
    INSERT INTO payees (
        creator, currency, provider, destination, country, account, changed_by, revision,
        usable_at, unreviewed, payouts_enabled, next_read_at
    ) VALUES (
        :creator, :currency, :provider, :destination, :country, CAST(:account AS uuid),
        :changed_by, :revision, now() + CAST(:rest AS interval), :unreviewed,
        CAST(:account AS uuid) IS NULL,
        CASE WHEN CAST(:account AS uuid) IS NOT NULL THEN now() END
    )
    ON CONFLICT (creator, currency) DO UPDATE SET
        provider = excluded.provider, destination = excluded.destination,
        country = excluded.country, account = excluded.account,
        changed_at = now(), changed_by = excluded.changed_by, revision = excluded.revision,
        usable_at = excluded.usable_at, unreviewed = excluded.unreviewed,
        verification = 'unverified', tax_form = 'missing', tax_form_kind = NULL,
        requirements = '{{}}', payouts_enabled = excluded.payouts_enabled,
        next_read_at = excluded.next_read_at, reads = 0, applied_read = 0,
        screening = 'unscreened', list_version = '', screened_at = NULL
    RETURNING {payee_of.columns}
""")  # noqa: S608 - our own text only


async def mark_reviewed(
    tx: Transaction, creator: str, currency: str, provider: str, destination: str
) -> None:
    """Remember that a person agreed to money going there."""
    values = {
        "creator": creator,
        "currency": currency,
        "provider": provider,
        "destination": destination,
    }
    await tx.execute(_MARK_REVIEWED, values)


_MARK_REVIEWED = text("""
    UPDATE payees SET unreviewed = false
    WHERE creator = :creator AND currency = :currency
      AND (provider, destination) = (:provider, :destination)
""")
