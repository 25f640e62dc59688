"""
Trying a message again later, without losing it and without delaying its neighbours.

The message goes to a delay queue through the outbox, in a transaction of its own, and is
acknowledged after that commit. A delay queue has no consumer: when its time is over the broker
moves the message to `ovation.redeliver.<service>`, whose binding leads back to the queue it came
from, and to no queue of another service.
"""

from collections.abc import Mapping

from shared.messaging.delivery import Delivery, forwarded
from shared.messaging.outbox import Message

# The delays in turn, by name, in milliseconds. One queue each: messages of one queue that wait
# differently long would stand in each other's way.
DELAYS_MILLISECONDS: Mapping[str, int] = {"1s": 1_000, "5s": 5_000, "30s": 30_000, "5m": 300_000}
DELAYS = tuple(DELAYS_MILLISECONDS)


def delay_name(delay: str) -> str:
    """Return the name of a delay: `ovation.delay.5s`; `own_exchange` has that of a service."""
    return f"ovation.delay.{delay}"


def retry_of(delivery: Delivery, queue: str, *, delay: str) -> Message:
    """Write the same message for its next attempt, after a delay."""
    attempt = str(delivery.attempt + 1)
    return forwarded(
        delivery,
        queue,
        f"{attempt}|retry",
        exchange=delay_name(delay),
        headers={"ovation_attempt": attempt},
    )
