"""The tables stop what the code should never try, and look as the code believes they do."""

import pytest
from asyncpg import InsufficientPrivilegeError, IntegrityConstraintViolationError

from services.live.tables import LiveTable
from shared.postgres.statements import text
from tests.drift import drift

ENTRY = (
    "INSERT INTO feed (room, sequence, kind, subject, shown)"
    " VALUES ('r', {}, 'thanks', '00000000-0000-0000-0000-000000000001', '{{}}')"
)
SCORE = "INSERT INTO scores (room, period, viewer, gifts, coins, first_at) VALUES "

GOAL = (
    "INSERT INTO goals"
    " (goal, creator, title, target_coins, starts_at, progress_coins, backfill_attempt)"
    " VALUES (gen_random_uuid(), 'lea', 'A song', 5, now(), {}, {})"
)
PERSON = "INSERT INTO people (user_id, name, picture, noted_at) VALUES"
STAY = "INSERT INTO guest_stays (room, guest, joined_at, left_at) VALUES"


async def run(database, *statements):
    async with database.transaction() as tx:
        for statement in statements:
            await tx.execute(text(statement))


@pytest.mark.parametrize(
    ("constraint", "statement"),
    [
        ("room_gifts_counted", "INSERT INTO rooms (room, gifts) VALUES ('r', -1)"),
        ("room_coins_counted", "INSERT INTO rooms (room, coins) VALUES ('r', -1)"),
        ("score_of_gifts", f"{SCORE} ('r', 'all', 'm', 0, 1, now())"),
        ("score_of_coins", f"{SCORE} ('r', 'all', 'm', 1, -1, now())"),
        ("progress_is_counted", GOAL.format(-1, 0)),
        ("backfill_is_attempted", GOAL.format(1, -1)),
        ("guest_leaves_after_joining", f"{STAY} ('r', 'otto', now(), now())"),
        ("name_is_short", f"{PERSON} ('m', repeat('x', 81), NULL, now())"),
        ("name_is_short", f"{PERSON} ('m', '', NULL, now())"),
        ("picture_is_short", f"{PERSON} ('m', NULL, repeat('x', 2049), now())"),
        ("person_is_shown_somehow", f"{PERSON} ('m', NULL, NULL, now())"),
        (
            "message_decision_is_numbered",
            "INSERT INTO messages (gift, revision) VALUES (gen_random_uuid(), 0)",
        ),
    ],
)
async def test_a_row_that_cannot_be_is_refused(database, constraint, statement):
    with pytest.raises(IntegrityConstraintViolationError, match=constraint):
        await run(database, statement)


async def test_a_gift_is_in_its_rooms_feed_once(database):
    with pytest.raises(IntegrityConstraintViolationError, match="one_entry_a_subject"):
        await run(database, ENTRY.format(1), ENTRY.format(2))


async def test_a_guest_is_in_a_room_once_at_a_time(database):
    with pytest.raises(IntegrityConstraintViolationError, match="one_open_stay_a_guest"):
        await run(database, *(f"{STAY} ('r', 'otto', '2026-01-0{n}', NULL)" for n in (1, 2)))


async def test_the_feed_cannot_be_rewritten(database):
    with pytest.raises(InsufficientPrivilegeError):
        await run(database, "DELETE FROM feed")


async def test_the_tables_are_what_the_code_believes(database):
    assert await drift(database, LiveTable.metadata) == []
