"""How people are shown, as their tokens said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.live.domain.profiles import Profile
from shared.postgres.database import Transaction
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class Note:
    """What a token says of its holder, and when it was made."""

    profile: Profile
    noted_at: datetime


async def save_notes(tx: Transaction, notes: Sequence[Note]) -> None:
    """
    Keep what the newest token of each person says; a person has one note here.

    A token of before an erasure brings nobody back.
    """
    # Rows are locked in one order, whichever instance writes them.
    ordered = sorted(notes, key=lambda note: note.profile.user)
    await tx.execute(
        _SAVE,
        {
            "users": [note.profile.user for note in ordered],
            "names": [note.profile.name for note in ordered],
            "pictures": [note.profile.picture for note in ordered],
            "moments": [note.noted_at for note in ordered],
        },
    )


_SAVE = text("""
    INSERT INTO people AS known (user_id, name, picture, noted_at)
    SELECT user_id, name, picture, noted_at
    FROM unnest(
        CAST(:users AS text[]), CAST(:names AS text[]), CAST(:pictures AS text[]),
        CAST(:moments AS timestamptz[])
    ) AS new (user_id, name, picture, noted_at)
    WHERE NOT EXISTS (
        SELECT FROM erased_users
        WHERE erased_users.user_id = new.user_id AND erased_at >= new.noted_at
    )
    ON CONFLICT (user_id) DO UPDATE
    SET name = excluded.name, picture = excluded.picture, noted_at = excluded.noted_at
    WHERE known.noted_at <= excluded.noted_at
        AND (known.name, known.picture, known.noted_at)
            IS DISTINCT FROM (excluded.name, excluded.picture, excluded.noted_at)
""")


async def find_profiles(
    tx: Transaction, users: Sequence[str]
) -> tuple[dict[str, Profile], set[str]]:
    """Return the profiles that are known, and who was erased and has not come back since."""
    found = list(await tx.execute(_FIND, {"users": list(users)}))
    known = {
        row.user_id: Profile(row.user_id, row.name, row.picture) for row in found if row.is_noted
    }
    return known, {row.user_id for row in found if not row.is_noted}


_FIND = text("""
    SELECT user_id, name, picture, true AS is_noted FROM people WHERE user_id = ANY(:users)
    UNION ALL
    SELECT DISTINCT user_id, NULL, NULL, false FROM erased_users
    WHERE user_id = ANY(:users)
        AND NOT EXISTS (SELECT FROM people WHERE people.user_id = erased_users.user_id)
""")


async def erase_late_notes(tx: Transaction) -> None:
    """Erase notes that were being written while their person was erased."""
    await tx.execute(_ERASE_LATE, {})


_ERASE_LATE = text("""
    DELETE FROM people USING erased_users
    WHERE erased_users.user_id = people.user_id AND erased_at >= noted_at
""")
