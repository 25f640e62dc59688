"""
Changing over how many queues a consumer's messages are spread, while everything runs.

The new queues get every message from now on, and the old ones too until they are cut off: a message
that is in both is handled once. Consumers stay with the old queues as long as those exist, and they
are deleted when they are empty. So nothing is lost, and each user's messages are handled in order.
"""

import time
from typing import Any
from urllib.parse import quote

from deploy.ctl import topology
from deploy.ctl.installation import Installation
from shared.messaging.partitions import Spread, spreads_of

# The broker counts a queue's messages every five seconds: so long after it said that there are
# none, it has counted twice since they were cut off.
QUIET_SECONDS = 12.0
LOOK_SECONDS = 0.5


class NothingToMove(ValueError):
    """The setting names one number of partitions, and not an earlier one before it."""


def move(installation: Installation, queue: str, *, quiet_seconds: float = QUIET_SECONDS) -> None:
    """
    Bring a queue to the number of partitions that is named last; return when it has only that.

    It may be ended at any time, and done again.
    """
    *older, newest = spreads_of(queue, installation.partitions)
    if not older:
        raise NothingToMove(f"{queue}: name both numbers, the earlier one first: {queue}=1,4")
    topology.apply(installation)
    for spread in older:
        if spread != newest:
            _cut_off(installation, spread)
            _wait_until_empty(installation, spread, quiet_seconds)
            _delete(installation, spread)


def _cut_off(installation: Installation, spread: Spread) -> None:
    """Let no more messages come to the queues of a spread."""
    kind = "e" if spread.exchange else "q"
    for binding in installation.manage("GET", installation.within("bindings")):
        source, key = binding["source"], binding["properties_key"]
        if binding["destination"] == spread.entry and source:
            place = "/".join(quote(word, safe="") for word in (source, kind, spread.entry, key))
            installation.manage("DELETE", f"{installation.within('bindings')}/e/{place}")


def _wait_until_empty(installation: Installation, spread: Spread, quiet_seconds: float) -> None:
    empty_since = time.monotonic()
    while time.monotonic() - empty_since < quiet_seconds:
        time.sleep(LOOK_SECONDS)
        if any(_messages_in(installation, queue) for queue in spread.queues):
            empty_since = time.monotonic()


def _messages_in(installation: Installation, queue: str) -> int:
    """Return how many messages a queue has, also those that are being handled; 1 if unknown."""
    found = [each for each in _queues(installation) if each["name"] == queue]
    return sum(int(each.get("messages", 1)) for each in found)


def _queues(installation: Installation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = installation.manage("GET", installation.within("queues"))
    return found


def _delete(installation: Installation, spread: Spread) -> None:
    """Delete the queues of a spread: their consumers see it, and go on with the next."""
    there = {each["name"] for each in _queues(installation)}
    for queue in spread.queues:
        if queue in there:
            installation.manage("DELETE", f"{installation.within('queues')}/{queue}")
    exchanges = installation.manage("GET", installation.within("exchanges"))
    if spread.exchange in {each["name"] for each in exchanges}:
        installation.manage("DELETE", f"{installation.within('exchanges')}/{spread.exchange}")
