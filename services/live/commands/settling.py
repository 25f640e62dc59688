"""After live was built anew: what differs from what was announced is announced."""

from services.live.commands import consequences
from services.live.domain.levels import THRESHOLDS
from services.live.store import goals, rebuilding
from shared.postgres.database import Transaction

# No old fact for so long means that all were heard; and batches take no longer than that.
QUIET_SECONDS = 10.0
# A gift that is not heard again for so long is in nobody's books any more.
GIVEN_UP_SECONDS = 3_600.0
AT_A_TIME = 500


async def settle(
    tx: Transaction,
    *,
    quiet_seconds: float = QUIET_SECONDS,
    given_up_seconds: float = GIVEN_UP_SECONDS,
) -> bool:
    """Settle some of what differs; return whether there may be more."""
    phase = await rebuilding.move_on(
        tx, quiet_seconds=quiet_seconds, given_up_seconds=given_up_seconds
    )
    if phase != "settling":
        return False
    given = await rebuilding.supporters_to_settle(tx, limit=AT_A_TIME)
    gifters = await rebuilding.gifters_to_settle(tx, THRESHOLDS, limit=AT_A_TIME)
    unsettled = await goals.to_settle(tx, limit=AT_A_TIME)
    if gifters:
        await consequences.settle_levels(tx, gifters)
    if unsettled:
        await consequences.settle_goals(tx, unsettled)
    if given:
        await consequences.settle_entitlements(tx, given)
    if gifters or unsettled or given:
        return True
    await rebuilding.finish(tx)
    return False
