"""One fault of each kind while a few gifts are sent: the harness runs, and everything holds."""

from tests.chaos.plan import Kind, make_plan
from tests.chaos.run import run

GIFTS = 300


async def test_a_short_run_with_every_kind_of_fault_loses_and_repeats_nothing(tmp_path):
    plan = make_plan(seed=4, gifts=GIFTS, faults=len(Kind))

    outcome = await run(plan, logs=tmp_path / "logs")

    assert [each for each in outcome.checks if each.figure] == []
    assert outcome.answers.total() == GIFTS
    assert outcome.answers[402] > 0
    assert outcome.injected > 0
