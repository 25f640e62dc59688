"""Which diamonds were available when, and what brought them."""

from uuid import UUID

from services.payout.domain.provenance import Credit, Part, Reserved, Source
from shared.ledger.recall import ENTRIES, recall
from shared.postgres.database import Row, Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

_credit = RowMapper(Credit)
# What an entry moved on the creator's available diamonds; they are of one asset.
_MOVED = """
    LATERAL (
        SELECT amounts[array_position(string_to_array(accounts, ','), 'main')] AS diamonds
    ) AS moved
"""


async def find_reserved(tx: Transaction, creator: str, reference: str) -> Reserved | None:
    """Return where a payout's diamonds stand, by the reference of the entry that reserved them."""
    asked = {"creator": creator, "reference": reference}
    if (reads := (await tx.execute(_RESERVED_READS, asked)).first()) is None:
        return None
    archived = await recall(tx, creator, first=reads.first, last=reads.last)
    row = (await tx.execute(_RESERVED, {**asked, "archived": archived})).one()
    return Reserved(row.number, row.diamonds, row.left_before)


# From the newest closed month before the entry up to it: some of that may be in archives.
_RESERVED_READS = text("""
    SELECT coalesce((
               SELECT max(last_entry) FROM statements
               WHERE creator = :creator AND last_entry < number
           ), 0) + 1 AS first, number AS last
    FROM (
        SELECT number FROM entries WHERE user_id COLLATE "C" = :creator AND reference = :reference
        UNION ALL
        SELECT number FROM archived_keys
        WHERE user_id = :creator AND key = reference_key(NULL, CAST(:reference AS text))
    ) AS reserve
""")
# The newest closed month before it has counted what had left; the rest is counted here.
_RESERVED = text(f"""
    SELECT reserve.number, -moved.diamonds AS diamonds,
           (coalesce(closed.available_out, 0) - coalesce((
               SELECT sum(moved.diamonds) FROM {ENTRIES} AS entries, {_MOVED}
               WHERE entries.user_id = :creator AND entries.number < reserve.number
                 AND entries.number > coalesce(closed.last_entry, 0) AND moved.diamonds < 0
           ), 0))::bigint AS left_before
    FROM (
        SELECT * FROM {ENTRIES} AS entries
        WHERE user_id COLLATE "C" = :creator AND reference = :reference OFFSET 0
    ) AS reserve
    CROSS JOIN {_MOVED}
    LEFT JOIN LATERAL (
        SELECT last_entry, available_out FROM statements
        WHERE creator = :creator AND last_entry < reserve.number
        ORDER BY month DESC LIMIT 1
    ) AS closed ON true
""")  # noqa: S608 - our own text only


async def archive_of(tx: Transaction, creator: str, reference: str) -> str | None:
    """Return which archive has the entry under a reference; None if it is in the table."""
    found = await tx.execute(_ARCHIVE, {"creator": creator, "reference": reference})
    file: str | None = found.scalar_one_or_none()
    return file


_ARCHIVE = text("""
    SELECT file
    FROM archived_keys AS entry
    JOIN archived_users AS of_user
        ON of_user.user_id = entry.user_id AND entry.number BETWEEN first AND last
    JOIN archives ON archives.number = archive
    WHERE entry.user_id = :creator AND key = reference_key(NULL, CAST(:reference AS text))
""")


async def credits_between(
    tx: Transaction, creator: str, start: int, end: int, *, before: int
) -> list[Credit]:
    """Return what made the diamonds available that were counted from `start` to `end`."""
    values = {"creator": creator, "start": start, "end": end, "before": before}
    reads = (await tx.execute(_CREDITS_READ, values)).one()
    archived = await recall(tx, creator, first=reads.first, last=reads.last)
    rows = await tx.execute(_CREDITS, {**values, "archived": archived})
    return [_credit(row) for row in rows]


# From the last closed month before these diamonds to the first one after them.
_CREDITS_READ = text("""
    SELECT coalesce(max(last_entry) FILTER (
               WHERE available_in <= CAST(:start AS bigint)
                 AND last_entry < CAST(:before AS bigint)
           ), 0) + 1 AS first,
           least(CAST(:before AS bigint) - 1, min(last_entry) FILTER (
               WHERE available_in >= CAST(:end AS bigint)
           )) AS last
    FROM statements WHERE creator = :creator
""")
_CREDITS = text(f"""
    SELECT * FROM (
        SELECT number, kind, reference, gift, moved.diamonds,
               (closed.available_in + sum(moved.diamonds) OVER (ORDER BY number))::bigint AS until
        FROM (
            SELECT coalesce(max(last_entry), 0) AS last_entry,
                   coalesce(max(available_in), 0) AS available_in
            FROM statements WHERE creator = :creator AND available_in <= CAST(:start AS bigint)
              AND last_entry < CAST(:before AS bigint)
        ) AS closed
        JOIN {ENTRIES} AS entries ON entries.user_id = :creator AND number > closed.last_entry
            AND number < CAST(:before AS bigint)
        CROSS JOIN {_MOVED}
        WHERE moved.diamonds > 0
    ) AS counted
    WHERE until > CAST(:start AS bigint) AND until - diamonds < CAST(:end AS bigint)
    ORDER BY number
""")  # noqa: S608 - our own text only


async def given_back(tx: Transaction, creator: str, payout: str, *, after: int, before: int) -> int:
    """
    Return how many diamonds of a payout were the creator's again between two entries.

    Less those that it took again, where it was paid after it had failed.
    """
    archived = await recall(tx, creator, first=after + 1, last=before - 1)
    values = {"creator": creator, "steps": f"payout:{payout}:", "before": before}
    values["archived"] = archived
    return int((await tx.execute(_GIVEN_BACK, {**values, "end": f"payout:{payout};"})).scalar_one())


# A semicolon comes after a colon, so these are the payout's own references.
_GIVEN_BACK = text(f"""
    SELECT coalesce(sum(moved.diamonds), 0)::bigint
    FROM (
        SELECT * FROM {ENTRIES} AS entries
        WHERE user_id COLLATE "C" = :creator AND reference > :steps AND reference < :end OFFSET 0
    ) AS of_payout, {_MOVED}
    WHERE number < CAST(:before AS bigint) AND kind <> 'reserve'
""")  # noqa: S608 - our own text only


async def born_available(tx: Transaction, creator: str, number: int) -> list[Part]:
    """Return the slices of a gift that were available as soon as they were earned."""
    rows = await tx.execute(_BORN, {"creator": creator, "number": number})
    return [_part(row) for row in rows]


# A slice that waits is due later than it was earned, and a warning moves that further still.
_BORN = text("""
    SELECT gift, slice, lot, lot_kind, diamonds FROM earnings
    WHERE creator = :creator AND decision = :number AND matures_at <= occurred_at AND diamonds > 0
    ORDER BY slice
""")


async def matured(tx: Transaction, creator: str, maturing: int) -> list[Part]:
    """Return what became available with a maturing, in the order in which it was earned."""
    rows = await tx.execute(_MATURED, {"creator": creator, "maturing": maturing})
    return [Part(Source.BONUS, row.diamonds) if row.is_bonus else _part(row) for row in rows]


_MATURED = text("""
    SELECT gift, slice, lot, lot_kind, m.diamonds, part = 2 AS is_bonus
    FROM matured_slices AS m LEFT JOIN LATERAL (
        SELECT lot, lot_kind, decision FROM earnings
        WHERE earnings.creator = m.creator AND earnings.gift = m.gift
          AND earnings.slice = m.slice
        OFFSET 0
    ) AS e ON part < 2
    WHERE creator = :creator AND maturing = :maturing
    ORDER BY decision, gift, slice, part
""")


async def of_slice(tx: Transaction, creator: str, gift: UUID, lot: UUID) -> Part:
    """Return a slice of a gift by the lot that paid it, with all that it brought."""
    row = (await tx.execute(_OF_SLICE, {"creator": creator, "gift": gift, "lot": lot})).one()
    return _part(row)


_OF_SLICE = text("""
    SELECT gift, slice, lot, lot_kind, diamonds FROM earnings
    WHERE creator = :creator AND gift = :gift AND lot = :lot
""")


def _part(row: Row) -> Part:
    return Part(Source.GIFT, row.diamonds, row.gift, row.slice, row.lot, row.lot_kind)
