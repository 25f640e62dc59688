"""Sessions with the broker: any fault begins a new one, and only our own end is one."""

import asyncio

import pytest

from shared.amqp.connection import run_forever


async def cancel_what_waits():
    """Wait for an answer as on a connection that is closed because it is stuck."""
    answer = asyncio.get_running_loop().create_future()
    answer.cancel()
    await answer


@pytest.mark.parametrize("fault", [cancel_what_waits, lambda: asyncio.sleep(0, 1 / 0)])
async def test_a_session_that_breaks_is_begun_again(fault):
    stopping, begun, faults = asyncio.Event(), [], []

    async def session():
        begun.append(True)
        if len(begun) == 1:
            await fault()
        stopping.set()

    await run_forever(session, stopping, failed=faults.append)

    assert (len(begun), len(faults)) == (2, 1)
    assert isinstance(faults[0], Exception)


async def test_a_session_that_is_cancelled_from_outside_ends():
    begun, faults = asyncio.Event(), []

    async def session():
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(run_forever(session, asyncio.Event(), failed=faults.append))
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert faults == []
