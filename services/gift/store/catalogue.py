"""What is on offer, and what it has cost."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from pydantic import TypeAdapter
from pydantic_core import to_json

from services.gift import columns as tables
from services.gift.domain.catalogue import Catalogue, GiftType
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text

# Whose prices those are that an installation begins with.
SEEDS = "seeds"


@dataclass(frozen=True, slots=True)
class Price:
    """What a gift cost from a moment on, and who said so."""

    version: int
    price_coins: int
    operator: str
    valid_from: datetime


async def revision(tx: Transaction) -> int:
    """Return how often anything in the catalogue was changed."""
    return int((await tx.execute(_REVISION)).scalar_one())


async def lock(tx: Transaction) -> int:
    """Lock the catalogue against other changes, and return its revision."""
    return int((await tx.execute(_LOCK)).scalar_one())


async def read(tx: Transaction) -> Catalogue:
    """Return all gifts, also those that are switched off."""
    # Read first: what changes in between is found by the next look at the revision.
    known = await revision(tx)
    rows = await tx.execute(_READ)
    return Catalogue([_GIFT_TYPE.validate_python(dict(row)) for row in rows], known)


async def find(tx: Transaction, gift_type: str) -> GiftType | None:
    row = (await tx.execute(_FIND, {"id": gift_type})).first()
    return _GIFT_TYPE.validate_python(dict(row)) if row else None


async def is_empty(tx: Transaction) -> bool:
    return not bool((await tx.execute(_ANY)).scalar_one())


async def save(
    tx: Transaction, gift_types: Sequence[GiftType], *, repriced: Sequence[str], operator: str
) -> None:
    """Write entries, with new versions of the prices that changed; the catalogue is locked."""
    written = [{**asdict(gift_type), "changed_by": operator} for gift_type in gift_types]
    await tx.execute(_SAVE, {"rows": to_json(written).decode()})
    priced = [gift_type for gift_type in gift_types if gift_type.id in repriced]
    await tx.execute(
        _SAVE_PRICES,
        {
            "ids": [gift_type.id for gift_type in priced],
            "versions": [gift_type.price_version for gift_type in priced],
            "prices": [gift_type.price_coins for gift_type in priced],
            "operator": operator,
        },
    )
    await tx.execute(_COUNT_UP)


async def prices(tx: Transaction, gift_type: str) -> list[Price]:
    """Return every price a gift ever had, the newest first."""
    return [_price(row) for row in await tx.execute(_PRICES, {"id": gift_type})]


_price = RowMapper(Price, tables.Price)
_GIFT_TYPE = TypeAdapter(GiftType)
_REVISION = text("SELECT revision FROM catalogue")
_LOCK = text("SELECT revision FROM catalogue FOR UPDATE")
_COUNT_UP = text("UPDATE catalogue SET revision = revision + 1")
_ANY = text("SELECT EXISTS (SELECT FROM gift_types)")
_ENTRIES = """
    SELECT id, revision, names, descriptions, price_coins, price_version, mode, category,
           batch_counts, count_max, sort, is_active, locks, icon_url, animations, extension
    FROM gift_types JOIN prices ON gift_type = id AND version = price_version
"""
_READ = text(_ENTRIES)
_FIND = text(f"{_ENTRIES} WHERE id = :id")
_PRICES = text(
    f"SELECT {_price.columns} FROM prices WHERE gift_type = :id ORDER BY version DESC"  # noqa: S608
)
_WRITTEN = (
    *("revision", "names", "descriptions", "price_version", "mode", "category", "batch_counts"),
    *("count_max", "sort", "is_active", "locks", "icon_url", "animations", "extension"),
    *("changed_by", "changed_at"),
)
_SAVE = text(f"""
    INSERT INTO gift_types (id, {", ".join(_WRITTEN)})
    SELECT id, revision, names, descriptions, price_version, mode, category, batch_counts,
           count_max, sort, is_active, locks, icon_url, animations, extension, changed_by,
           clock_timestamp()
    FROM jsonb_populate_recordset(
        NULL::gift_types, CAST(CAST(:rows AS text) AS jsonb)
    )
    ON CONFLICT (id) DO UPDATE
    SET {", ".join(f"{name} = excluded.{name}" for name in _WRITTEN)}
""")  # noqa: S608 - our own text only
_SAVE_PRICES = text("""
    INSERT INTO prices (gift_type, version, price_coins, operator)
    SELECT id, version, price_coins, :operator
    FROM unnest(
        CAST(:ids AS text[]), CAST(:versions AS integer[]), CAST(:prices AS bigint[])
    ) AS new (id, version, price_coins)
""")
