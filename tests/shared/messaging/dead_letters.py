"""Dead letters of tests: one as its service wrote it, and the wish to redrive it."""

import json

from shared.backoffice.dead_letters import RedriveRequest
from tests.shared.messaging.waiting import eventually

QUEUE = "wallet.gifts"
SENT = "dev.ovation.gift.sent.v1"
BODY = json.dumps({"partitionkey": "mira", "data": {"viewer": "mira", "creator": "lea"}}).encode()
SET_ASIDE = {
    "cloudEvents_type": SENT,
    "cloudEvents_partitionkey": "mira",
    "ovation_message_id": "m-1",
    "ovation_said_by": "gift",
    "ovation_error_code": "KeyError",
    "ovation_error_message": "'rose'",
    "ovation_attempts": "5",
}


def wish(dead_letter, *, operator="opal", key="k-1", queue=QUEUE):
    return RedriveRequest(dead_letter, queue, operator, key, dead_letter.bytes, "it is mended")


async def only(dead_letters):
    ((found, redrive),) = await dead_letters.read(QUEUE)
    return found, redrive


async def arrived(take, count=1):
    found = []

    async def are_there():
        found.extend(await take(QUEUE))
        return len(found) >= count

    await eventually(are_there)
    return found
