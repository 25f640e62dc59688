"""
Erasing people: asked for here, checked where money is, done everywhere.

Nothing is erased before purchase, wallet and payout have said that the person's money is settled.
Then each service erases what it knows, and its answer is the proof.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

import structlog

from services.gift.commands.messages import remove_messages
from services.gift.domain.erasures import Erasure, ErasureAnswer, ErasureState, NoErasure, decide
from services.gift.store import erasures
from services.gift.store.personal_data import PERSONAL_DATA
from shared.backoffice.erasures import erase, record_erasure
from shared.contracts.envelope import Cause, Envelope
from shared.contracts.erasures import DataErased, ErasureChecked
from shared.contracts.gift import ErasureRequested, UserErased
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

log = structlog.get_logger()

SERVICE = "gift"


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """A request, and what each service has said of it so far."""

    erasure: Erasure
    answers: Sequence[ErasureAnswer]


async def request_erasure(
    tx: Transaction, user: str, *, forfeit: bool, correlation_id: str
) -> ErasureReport:
    """Ask for a person's erasure; while one is being checked, or is done, it stays that one."""
    erasure = uuid4()
    if await erasures.add(tx, user, erasure, forfeit=forfeit):
        event = ErasureRequested(erasure=erasure, user=user, forfeit=forfeit)
        await publish(tx, [Fact(event, 1, Cause(correlation_id))], archive=True)
        log.info("erasure.requested", erasure=str(erasure))
    return await read_erasure(tx, user)


async def read_erasure(tx: Transaction, user: str) -> ErasureReport:
    """Read the newest request of a person."""
    found = await erasures.newest(tx, user)
    if found is None:
        raise NoErasure
    return ErasureReport(found, list((await erasures.answers(tx, user, found.id)).values()))


async def record_checks(tx: Transaction, received: Sequence[Envelope[ErasureChecked]]) -> None:
    """Take what services say about money; the last of them decides."""
    for each in received:
        answer = each.data
        erasure = await erasures.lock(tx, answer.user, answer.erasure)
        if erasure is None or erasure.state is not ErasureState.CHECKING:
            continue
        service = answer.contract.owner()
        await erasures.save_obstacles(tx, answer.user, answer.erasure, service, answer.obstacles)
        state = decide(await erasures.answers(tx, answer.user, answer.erasure))
        if state is not ErasureState.CHECKING:
            await _decide(tx, replace(erasure, state=state), each.cause)


async def record_erased(tx: Transaction, received: Sequence[Envelope[DataErased]]) -> None:
    """Keep what services have erased: the proof of it."""
    for each in received:
        answer = each.data
        if await erasures.lock(tx, answer.user, answer.erasure) is not None:
            kinds = {kind.kind: kind.count for kind in answer.kinds}
            service = answer.contract.owner()
            await erasures.save_erased(tx, answer.user, answer.erasure, service, kinds)


async def _decide(tx: Transaction, erasure: Erasure, cause: Cause) -> None:
    now = datetime.now(UTC)
    await erasures.decide(tx, erasure, now=now)
    log.info("erasure.decided", erasure=str(erasure.id), state=erasure.state.value)
    if erasure.state is not ErasureState.ERASED:
        return
    user = erasure.user_id
    event = UserErased(erasure=erasure.id, user=user, erased_at=now, forfeit=erasure.forfeit)
    await publish(tx, [Fact(event, 2, cause)], archive=True)
    await record_erasure(tx, user, erasure.id)
    removed = await remove_messages(tx, user, cause)
    kinds = await erase(tx, user, erasure.id, PERSONAL_DATA)
    await erasures.save_erased(tx, user, erasure.id, SERVICE, {"messages": removed, **kinds})
