"""
The doctor: every check that an installation goes through, and what they find.

A check that raises, or takes too long, is unknown: what it would have found is said by no other.
"""

import asyncio
from collections.abc import Iterable

from deploy.ctl.doctor.findings import Check, Examined, Finding, Problem, State

CHECK_SECONDS_MAX = 60
# A silent server costs each check its time; more at once would cost sessions and this processor.
CHECKS_AT_ONCE = 4
ERROR_CHARACTERS_MAX = 300
AGAIN = "Put right what else is said here, then examine again"


async def examine(examined: Examined, checks: Iterable[Check]) -> list[Finding]:
    """Make all checks, a few at once; return what each found, in their order."""
    places = asyncio.Semaphore(CHECKS_AT_ONCE)

    async def look(check: Check) -> list[Finding]:
        async with places:
            return await _look(check, examined)

    found = await asyncio.gather(*map(look, checks))
    return [finding for findings in found for finding in findings]


async def _look(check: Check, examined: Examined) -> list[Finding]:
    problems: list[Problem] = []
    whole = asyncio.timeout(CHECK_SECONDS_MAX)
    try:
        async with whole:
            async for problem in check.look(examined):
                problems.append(problem)  # noqa: PERF401 - what was found before an error stays
    # A secret that is not there ends other commands.
    except (Exception, SystemExit) as error:  # noqa: BLE001 - no check costs us another
        problems.append(_unknown(error, is_late=whole.expired()))
    return [
        Finding(check.name, each.state, each.place, each.problem, each.action or check.action)
        for each in problems
    ]


def _unknown(error: BaseException, *, is_late: bool) -> Problem:
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    reason = f"it takes more than {CHECK_SECONDS_MAX} s" if is_late else " ".join(said.split())
    problem = f"could not be looked at: {reason[:ERROR_CHARACTERS_MAX]}"
    return Problem("", problem, AGAIN, State.UNKNOWN)
