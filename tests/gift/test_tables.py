"""The tables stop what the code should never try, and look as the code believes they do."""

import pytest
from asyncpg import InsufficientPrivilegeError, IntegrityConstraintViolationError

from services.gift.tables import GiftTable
from shared.postgres.statements import text
from tests.drift import drift

GIFT = """
    INSERT INTO gifts (viewer, id, idempotency_key, request_hash, gift_type, price_coins, count,
                       coins, creator, anonymous, state, last_requested_at, requested_at,
                       expires_at, decided_at, correlation_id, slices, refusal)
    VALUES ('mira', gen_random_uuid(), gen_random_uuid()::text, '', 'g_tea', {price}, {count},
            {coins}, {creator}, false, {state}, now(), now(), now(), {decided}, 'c', {slices},
            {refusal})
"""
A_GIFT = {
    "price": 5,
    "count": 2,
    "coins": 10,
    "creator": "'lea'",
    "state": "'requested'",
    "decided": "NULL",
    "slices": "NULL",
    "refusal": "NULL",
}

FILE = "INSERT INTO catalogue_files (digest, format, is_moving, content, uploaded_by) VALUES"
ROOM = "INSERT INTO rooms (room, revision, creator, guests, is_open) VALUES"


async def run(database, statement):
    async with database.part_for("mira").transaction() as tx:
        await tx.execute(text(statement))


@pytest.mark.parametrize(
    ("constraint", "wrong"),
    [
        ("gift_has_a_price", {"price": 0, "coins": 0}),
        ("gift_is_counted", {"count": 0, "coins": 0}),
        ("gift_costs_price_times_count", {"coins": 11}),
        ("viewer_is_not_creator", {"creator": "'mira'"}),
        ("gift_state_known", {"state": "'lost'", "decided": "now()"}),
        ("decided_when_final", {"decided": "now()"}),
        ("sent_with_slices", {"state": "'sent'", "decided": "now()"}),
        ("refused_with_reason", {"state": "'refused'", "decided": "now()"}),
    ],
)
async def test_a_gift_that_cannot_be_is_refused(database, constraint, wrong):
    with pytest.raises(IntegrityConstraintViolationError, match=constraint):
        await run(database, GIFT.format(**{**A_GIFT, **wrong}))


@pytest.mark.parametrize(
    ("constraint", "statement"),
    [
        ("gift_target_known", "UPDATE gifts SET target = 'friend'"),
        ("message_state_known", "UPDATE gifts SET message_state = 'lost'"),
        ("signature_has_a_body", "INSERT INTO tencent_signatures VALUES (1, '{}')"),
        (
            "digest_is_sha256",
            f"{FILE} ('\\x00', 'svg', false, '<', 'ops')",
        ),
        (
            "file_format_known",
            f"{FILE} (sha256('x'), 'exe', false, '<', 'ops')",
        ),
        (
            "file_is_small",
            f"{FILE} (sha256('x'), 'svg', false, '', 'ops')",
        ),
        ("room_revision_is_counted", f"{ROOM} ('r', -1, 'lea', '{{}}', false)"),
        (
            "room_has_few_guests",
            f"{ROOM} ('r', 1, 'lea', array_fill('x'::text, ARRAY[101]), false)",
        ),
        ("open_room_has_a_stream", f"{ROOM} ('r', 1, 'lea', '{{}}', true)"),
        (
            "blocked_is_not_blocker",
            "INSERT INTO blocks (creator, viewer, made_by) VALUES ('lea', 'lea', 'lea')",
        ),
        (
            "decision_has_a_decider",
            (
                "INSERT INTO messages (creator, gift, viewer, decided_at)"
                " VALUES ('lea', gen_random_uuid(), 'mira', now())"
            ),
        ),
        ("combo_target_known", "UPDATE combos SET target = 'friend'"),
    ],
)
async def test_who_may_receive_is_one_of_what_can_be(database, constraint, statement):
    await run(database, GIFT.format(**A_GIFT))
    await run(database, COMBO.format(**A_COMBO))
    with pytest.raises(IntegrityConstraintViolationError, match=constraint):
        await run(database, statement)


COMBO = """
    INSERT INTO combos (viewer, id, room, creator, gift_type, anonymous, started_at,
                        last_requested_at, open_gifts, ended_at, correlation_id)
    VALUES ('mira', gen_random_uuid(), 'room-1', 'lea', 'g_tea', false, now(), now(), {open_gifts},
            {ended_at}, 'c')
"""
A_COMBO = {"open_gifts": 0, "ended_at": "NULL"}
GIFT_TYPE = """
    INSERT INTO gift_types (id, revision, names, descriptions, price_version, mode, category,
                            batch_counts, count_max, sort, is_active, locks, animations, extension,
                            changed_at, changed_by)
    VALUES ({id}, {revision}, {names}, '{{}}', 1, {mode}, 'cute', '[1]', {count_max}, 1, true,
            '{{}}', '[]', '{{}}', now(), 'ops')
"""
A_GIFT_TYPE = {
    "id": "'g_new'",
    "revision": 1,
    "names": """'{"en": "New"}'""",
    "mode": "'streak'",
    "count_max": 1,
}
PRICE = "INSERT INTO prices VALUES ('g_new', {version}, {price}, 'ops')"


@pytest.mark.parametrize(
    ("constraint", "wrong"),
    [
        ("open_gifts_are_counted", {"open_gifts": -1}),
        ("over_when_none_is_open", {"open_gifts": 1, "ended_at": "now()"}),
    ],
)
async def test_a_combo_that_cannot_be_is_refused(database, constraint, wrong):
    with pytest.raises(IntegrityConstraintViolationError, match=constraint):
        await run(database, COMBO.format(**{**A_COMBO, **wrong}))


async def test_only_one_combo_of_a_kind_goes_on(database):
    for ended_at in ("now()", "now()", "NULL"):
        await run(database, COMBO.format(open_gifts=0, ended_at=ended_at))

    with pytest.raises(IntegrityConstraintViolationError, match="one_running_combo"):
        await run(database, COMBO.format(**A_COMBO))


@pytest.mark.parametrize(
    ("constraint", "wrong"),
    [
        ("gift_id_is_short", {"id": "'g_twenty_bytes_are_max'"}),
        ("gift_id_is_short", {"id": "'G New'"}),
        ("change_is_numbered", {"revision": 0}),
        ("gift_has_a_name", {"names": """'{"de": "Neu"}'"""}),
        ("gift_mode_known", {"mode": "'sometimes'"}),
        ("count_is_bounded", {"count_max": 1_000}),
    ],
)
async def test_a_gift_type_that_cannot_be_is_refused(database, constraint, wrong):
    with pytest.raises(IntegrityConstraintViolationError, match=constraint):
        await run(database, GIFT_TYPE.format(**{**A_GIFT_TYPE, **wrong}))


@pytest.mark.parametrize(
    ("constraint", "version", "price"),
    [("price_is_numbered", 0, 5), ("price_is_one", 1, 0)],
)
async def test_a_price_that_cannot_be_is_refused(database, constraint, version, price):
    await run(database, GIFT_TYPE.format(**A_GIFT_TYPE))
    with pytest.raises(IntegrityConstraintViolationError, match=constraint):
        await run(database, PRICE.format(version=version, price=price))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE prices SET price_coins = 1",
        "DELETE FROM prices",
        "DELETE FROM gift_types",
        "DELETE FROM combos",
        "DELETE FROM catalogue",
        "UPDATE audit SET reason = 'another'",
    ],
)
async def test_what_was_on_offer_and_what_it_cost_cannot_be_rewritten(database, statement):
    with pytest.raises(InsufficientPrivilegeError):
        await run(database, statement)


async def test_a_gift_cannot_be_forgotten(database):
    with pytest.raises(InsufficientPrivilegeError):
        await run(database, "DELETE FROM gifts")


async def test_the_tables_are_what_the_code_believes(database):
    if database.part_count > 1:
        pytest.skip("the same migrations make the tables of a part")
    assert await drift(database, GiftTable.metadata) == []
