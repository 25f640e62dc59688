"""Waiting for what comes in its own time."""

import asyncio

# Longer than anything takes on a busy machine: a test that hangs ends.
SECONDS_MAX = 300


async def eventually(condition, *, seconds=SECONDS_MAX):
    """Wait until the condition holds, or say that it never did."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (found := await condition()):
        assert asyncio.get_running_loop().time() < deadline, f"never: {condition}"
        await asyncio.sleep(0.05)
    return found
