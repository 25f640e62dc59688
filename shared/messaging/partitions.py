"""
How many queues the messages of one consumer are spread over.

A queue has one leader at the broker, and each of its messages passes through it. An installation
that needs more says so in `OVATION_QUEUE_PARTITIONS`, for example `wallet.gifts=4`. Then
the exchange `wallet.gifts.4` spreads the messages over `wallet.gifts.4.0` to `.3`, by the share of
their partition key. Each has a single active consumer, so those of one key stay in order.

`wallet.gifts=1,4` says that the number changes from 1 to 4: the queues of the earlier number are
consumed as long as they exist, and those of the last after them.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from shared.contracts.routes import QUEUES
from shared.messaging.outbox import SHARES

VARIABLE = "OVATION_QUEUE_PARTITIONS"
# The numbers of a queue by its name: the last is wanted, earlier ones are being emptied.
Partitions: TypeAlias = Mapping[str, tuple[int, ...]]
UNDIVIDED = (1,)


class BadPartitions(ValueError):
    """The setting names a queue or a number of partitions that cannot be."""


@dataclass(frozen=True, slots=True)
class Spread:
    """One number of partitions of a queue, and what they are called."""

    queue: str
    count: int

    @property
    def exchange(self) -> str | None:
        """The exchange that spreads its messages; one queue needs none."""
        return None if self.count == 1 else f"{self.queue}.{self.count}"

    @property
    def entry(self) -> str:
        """Where its messages come in: the exchange, or the one queue."""
        return self.exchange or self.queue

    @property
    def queues(self) -> list[str]:
        if self.count == 1:
            return [self.queue]
        return [f"{self.exchange}.{number}" for number in range(self.count)]

    def queue_of(self, share: int) -> str:
        """Return the queue that the messages of a share come to, for as long as it exists."""
        return self.queues[share % self.count]


def spreads_of(queue: str, partitions: Partitions) -> list[Spread]:
    """Return the spreads of a queue, the oldest first; the last is wanted."""
    return [Spread(queue, count) for count in partitions.get(queue, UNDIVIDED)]


def partitions_of_installation() -> Partitions:
    """Read the setting from the environment."""
    return parse_partitions(os.environ.get(VARIABLE, ""))


def parse_partitions(setting: str) -> Partitions:
    """Read `wallet.gifts=4 gift.outcomes=1,4`; raise `BadPartitions` for what cannot be."""
    found: dict[str, tuple[int, ...]] = {}
    for word in setting.split():
        queue, _, numbers = word.partition("=")
        counts = tuple(int(number) for number in numbers.split(",") if number.isdigit())
        if queue not in QUEUES:
            raise BadPartitions(f"{VARIABLE}: {queue!r} is no queue: {', '.join(QUEUES)}")
        if not counts or not all(1 <= count <= SHARES for count in counts):
            raise BadPartitions(
                f"{VARIABLE}: {word!r} needs numbers from 1 to {SHARES}: {queue}=1,4"
            )
        found[queue] = counts
    return found
