"""After live was rebuilt: what differs from what was published is published."""

from services.live.commands import rewards
from services.live.domain.levels import THRESHOLDS
from services.live.store import rebuild as store
from services.live.store.goals import lock_changed_goals
from shared.postgres.database import Transaction

# No old event for so long means that all were received; and batches take no longer than that.
QUIET_SECONDS = 10.0
# A gift that is not received again for so long is in no service's books any more.
GIVEN_UP_SECONDS = 3_600.0
PAGE = 500


async def publish_differences(
    tx: Transaction,
    *,
    quiet_seconds: float = QUIET_SECONDS,
    given_up_seconds: float = GIVEN_UP_SECONDS,
) -> bool:
    """Publish some of what differs; return whether there may be more."""
    phase = await store.advance_rebuild(
        tx, quiet_seconds=quiet_seconds, given_up_seconds=given_up_seconds
    )
    if phase != "publishing":
        return False
    given = await store.lock_changed_supporters(tx, limit=PAGE)
    gifters = await store.lock_changed_gifters(tx, THRESHOLDS, limit=PAGE)
    goals = await lock_changed_goals(tx, limit=PAGE)
    if gifters:
        await rewards.publish_levels(tx, gifters)
    if goals:
        await rewards.publish_goals(tx, goals)
    if given:
        await rewards.publish_entitlements(tx, given)
    if gifters or goals or given:
        return True
    await store.finish_rebuild(tx)
    return False
