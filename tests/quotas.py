"""Quotas in a test's words: somebody has one act left, or none; a time is over."""

import asyncio

from shared.postgres.statements import text
from tests.parts import in_every_part

PUT = """
    INSERT INTO quotas (user_id, act, began_at, used)
    VALUES (:user, :act, clock_timestamp(), :used)
    ON CONFLICT (user_id, act) DO UPDATE
    SET used = excluded.used, began_at = excluded.began_at
"""


async def leave(database, user, quota, left):
    """Let somebody have so many of an act left."""
    async with database.part_for(user).transaction() as tx:
        asked = {"user": user, "act": quota.act, "used": quota.count_max - left}
        await tx.execute(text(PUT), asked)


async def end_times(database):
    """Let every time that was counted be over."""
    await in_every_part(
        database, "UPDATE quotas SET began_at = began_at - interval '1 day 1 second'"
    )


async def at_once(*asked):
    """Ask all at the same moment; return the statuses and what was refused, sorted."""
    answers = await asyncio.gather(*asked)
    return sorted(
        (answer.status_code, answer.json().get("code") if answer.content else None)
        for answer in answers
    )


def is_too_often(answer, quota):
    """Whether an answer refuses one more of these acts, and says when to come again."""
    said = answer.json()
    return (
        answer.status_code == 429
        and said["code"] == "too-often"
        and said["act"] == quota.act
        and said["count_max"] == quota.count_max
        and 0 < int(answer.headers["Retry-After"]) <= quota.seconds
    )
