"""One fault of each kind while a few gifts are sent: the harness runs, and everything holds."""

from dataclasses import replace

from tests.chaos.plan import Kind, make_plan
from tests.chaos.run import run

GIFTS = 300
SECONDS_MAX = 1.0


async def test_a_short_run_with_every_kind_of_fault_loses_and_repeats_nothing(tmp_path):
    plan = make_plan(seed=4, gifts=GIFTS, faults=len(Kind))
    brief = tuple(replace(fault, seconds=min(fault.seconds, SECONDS_MAX)) for fault in plan.faults)

    outcome = await run(replace(plan, faults=brief), logs=tmp_path / "logs")

    assert [each for each in outcome.checks if each.figure] == []
    assert outcome.answers.total() == GIFTS
    assert outcome.answers[402] > 0
    assert outcome.injected > 0
