"""
The erasure of a person in one service: what names them goes, the ledger keeps an opaque id.

A service says with statements what it knows of people (`PersonalData`). It is asked first whether
a person's money is settled, and told then that they are erased. What is heard of them later is
erased as well: each erasure is repeated while old messages can still arrive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from shared.contracts.envelope import Envelope
from shared.contracts.erasures import DataErased, ErasedKind, ErasureChecked
from shared.contracts.gift import ErasureRequested, UserErased
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction
from shared.postgres.statements import Statement, text

log = structlog.get_logger()

# The event log keeps 30 days, and can be read again until then.
REPEATED_DAYS = 35
REPEATED_EVERY_SECONDS = 3_600
REPEATED_MAX = 20


def counting(change: str) -> Statement:
    """Make a statement out of a change of rows: it takes a `user`, and returns how many changed."""
    return text(f"WITH gone AS ({change} RETURNING 1) SELECT count(*) FROM gone")  # noqa: S608


@dataclass(frozen=True, slots=True)
class PersonalData:
    """
    What a service knows of people besides their ids; every statement takes a `user`.

    `erased` is by kind, each made by `counting`. `obstacles` return a row while something is still
    open, and those in `given_up` do not count for people who give up what is left.
    """

    erased: Mapping[str, Statement]
    obstacles: Mapping[str, Statement] = field(default_factory=dict)
    given_up: frozenset[str] = frozenset()


async def check_erasures(
    tx: Transaction,
    received: Sequence[Envelope[ErasureRequested]],
    personal: PersonalData,
    contract: type[ErasureChecked],
) -> None:
    """Say of each person what keeps this service from erasing them."""
    for each in received:
        asked = each.data
        obstacles = [
            name
            for name, statement in personal.obstacles.items()
            if not (asked.forfeit and name in personal.given_up)
            and await tx.execute(statement, {"user": asked.user})
        ]
        event = contract(erasure=asked.erasure, user=asked.user, obstacles=tuple(obstacles))
        await publish(tx, [Fact(event, 1, each.cause)], archive=True)
        log.info("erasure.checked", erasure=str(asked.erasure), obstacles=obstacles)


async def erase_users(
    tx: Transaction,
    received: Sequence[Envelope[UserErased]],
    personal: PersonalData,
    contract: type[DataErased],
    *,
    archive: bool = True,
) -> None:
    """Erase people, each once, and say how much went."""
    for each in received:
        user, erasure = each.data.user, each.data.erasure
        if await record_erasure(tx, user, erasure):
            kinds = await erase(tx, user, erasure, personal)
            event = contract(erasure=erasure, user=user, kinds=_shown(kinds))
            # After what the service said when it was asked.
            await publish(tx, [Fact(event, 2, each.cause)], archive=archive)


async def record_erasure(tx: Transaction, user: str, erasure: UUID) -> bool:
    """Record that a person is erased; False if that was known."""
    return bool(await tx.execute(_RECORD, {"user": user, "erasure": erasure}))


async def erase(
    tx: Transaction, user: str, erasure: UUID, personal: PersonalData
) -> dict[str, int]:
    """Erase what is known of a person now; return how much of each kind, and keep the sums."""
    kinds = {
        kind: (await tx.execute(statement, {"user": user})).scalar_one()
        for kind, statement in personal.erased.items()
    }
    asked = {"user": user, "erasure": erasure, "kinds": list(kinds), "counts": [*kinds.values()]}
    await tx.execute(_COUNT, asked)
    log.info("user.erased", erasure=str(erasure), **kinds)
    return kinds


async def repeat_erasures(tx: Transaction, personal: PersonalData) -> bool:
    """Erase again what arrived late of people; return whether there may be more."""
    due = await tx.execute(
        _CLAIM,
        {"seconds": float(REPEATED_EVERY_SECONDS), "days": REPEATED_DAYS, "limit": REPEATED_MAX},
    )
    for row in due:
        await erase(tx, row.user_id, row.erasure, personal)
    return len(due) == REPEATED_MAX


def _shown(kinds: Mapping[str, int]) -> tuple[ErasedKind, ...]:
    return tuple(ErasedKind(kind=kind, count=count) for kind, count in kinds.items())


_RECORD = text("""
    INSERT INTO erased_users (user_id, erasure, erased_at, repeat_at)
    VALUES (:user, CAST(:erasure AS uuid), clock_timestamp(), clock_timestamp())
    ON CONFLICT DO NOTHING RETURNING 1
""")
_COUNT = text("""
    INSERT INTO erased_kinds AS known (user_id, erasure, kind, count)
    SELECT :user, CAST(:erasure AS uuid), kind, count
    FROM unnest(CAST(:kinds AS text[]), CAST(:counts AS bigint[])) AS new (kind, count)
    ON CONFLICT (user_id, erasure, kind) DO UPDATE SET count = known.count + excluded.count
""")
_CLAIM = text("""
    UPDATE erased_users SET repeat_at = next_at
    FROM (
        SELECT user_id AS due_user, erasure AS due_erasure, CASE
            WHEN erased_at > clock_timestamp() - make_interval(days => CAST(:days AS integer))
            THEN clock_timestamp() + make_interval(secs => CAST(:seconds AS double precision))
        END AS next_at
        FROM erased_users
        WHERE repeat_at <= clock_timestamp()
        ORDER BY repeat_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE user_id = due_user AND erasure = due_erasure
    RETURNING user_id, erasure
""")
