"""Noting what tokens say of people, and finding how people are shown."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from services.live.domain.profiles import Profile, profile_of
from services.live.providers.people_host import PeopleHost
from services.live.store.profiles import Note, find_profiles, save_notes
from shared.identity.rules import LEEWAY_SECONDS
from shared.identity.tokens import Identity
from shared.postgres.database import Database, Transaction

log = structlog.get_logger()

SAVED_EVERY_SECONDS = 0.5
SAVED_AT_A_TIME = 500
WAITING_MAX = 20_000
# Users whose last noted token is known here.
REMEMBERED_MAX = 20_000


class ProfileNotes:
    """
    What callers' tokens say of them, until it is saved: many people in one statement.

    No request waits for it, and a token that is noted already costs nothing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: OrderedDict[str, tuple[Identity, Note]] = OrderedDict()
        # A digest of each user's last noted token: texts of strangers may be long.
        self._noted: OrderedDict[str, int] = OrderedDict()

    def take(self, caller: Identity) -> None:
        """Note soon what a caller's token says of them; while too many wait, it is left out."""
        if self._is_noted(caller) or len(self._waiting) >= WAITING_MAX:
            return
        note = _note_of(caller)
        known = self._waiting.get(caller.user)
        if note and (known is None or known[1].noted_at <= note.noted_at):
            self._waiting[caller.user] = caller, note

    async def save(self) -> None:
        """Save what waits."""
        while self._waiting:
            count = min(len(self._waiting), SAVED_AT_A_TIME)
            taken = [self._waiting.popitem(last=False)[1] for _ in range(count)]
            async with self._database.reference.transaction() as tx:
                await save_notes(tx, [note for _, note in taken])
            for caller, _ in taken:
                self._remember(caller)

    async def save_one(self, caller: Identity) -> None:
        """Save what one caller's token says, at once."""
        if self._is_noted(caller):
            return
        note = _note_of(caller)
        if note:
            async with self._database.reference.transaction() as tx:
                await save_notes(tx, [note])
            self._remember(caller)

    async def run(self, stopping: asyncio.Event) -> None:
        """Save what waits, again and again, and once more at the end."""
        while not stopping.is_set():
            try:
                async with asyncio.timeout(SAVED_EVERY_SECONDS):
                    await stopping.wait()
            except TimeoutError:
                pass
            try:
                await self.save()
            except Exception as error:  # noqa: BLE001 - the next token says it again
                log.warning("people.not_noted", error=repr(error)[:200])

    def _is_noted(self, caller: Identity) -> bool:
        return self._noted.get(caller.user) == _digest_of(caller)

    def _remember(self, caller: Identity) -> None:
        self._noted[caller.user] = _digest_of(caller)
        self._noted.move_to_end(caller.user)
        while len(self._noted) > REMEMBERED_MAX:
            self._noted.popitem(last=False)


async def list_profiles(
    tx: Transaction, users: Sequence[str]
) -> tuple[dict[str, Profile], list[str]]:
    """Return what tokens said of people, and about whom the host may be asked: not the erased."""
    known, erased = await find_profiles(tx, users)
    return known, [user for user in users if user not in erased]


async def resolve_profiles(
    users: Sequence[str], known: dict[str, Profile], asked: Sequence[str], host: PeopleHost | None
) -> list[Profile]:
    """Return a profile for each of the users: the host's answer wins over their token."""
    answered = await host.find(asked) if host else {}
    return [answered.get(user) or known.get(user) or Profile(user) for user in users]


def _digest_of(caller: Identity) -> int:
    return hash((caller.name, caller.picture, caller.issued_at, caller.auth_time))


def _note_of(caller: Identity) -> Note | None:
    profile = profile_of(caller.user, name=caller.name, picture=caller.picture)
    if profile.name is None and profile.picture is None:
        return None
    # A token that does not say when it was made is older than any erasure.
    made_at = caller.issued_at or caller.auth_time or 0.0
    # The clock that dated it may be ahead by as much as is allowed: it counts as made at the
    # earliest, or a token of before an erasure would bring its person back.
    earliest = max(0.0, min(made_at, time.time()) - LEEWAY_SECONDS)
    return Note(profile, datetime.fromtimestamp(earliest, UTC))
