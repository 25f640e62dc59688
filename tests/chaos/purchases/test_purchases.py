"""A few purchases over all providers while some things break: every cent is where it belongs."""

from dataclasses import replace

from tests.chaos.purchases.books import difference
from tests.chaos.purchases.plan import PROVIDERS, Story, make_plan
from tests.chaos.purchases.run import run
from tests.chaos.vendor_faults import VendorKind

PURCHASES, FAULTS = 40, 14
SECONDS_MAX = 1.0


async def test_a_short_run_over_all_providers_loses_and_repeats_no_money(tmp_path):
    plan = make_plan(seed=5, purchases=PURCHASES, faults=FAULTS)
    brief = tuple(replace(fault, seconds=min(fault.seconds, SECONDS_MAX)) for fault in plan.faults)

    outcome = await run(replace(plan, faults=brief), logs=tmp_path / "logs")

    assert [each for each in outcome.checks if each.figure] == []
    assert outcome.paid > PURCHASES / 2


def test_a_seed_makes_the_same_plan_and_a_long_one_leaves_nothing_out():
    plan = make_plan(seed=3, purchases=2_000, faults=100)
    wishes = list(plan.wishes())

    assert plan == make_plan(seed=3, purchases=2_000, faults=100)
    assert wishes == list(plan.wishes())
    struck = {(fault.kind, fault.target) for fault in plan.vendor_faults}
    assert struck == {(kind, name) for kind in VendorKind for name in PROVIDERS}
    stories = {(wish.story, wish.provider) for wish in wishes}
    assert stories == {(story, name) for story in Story for name in PROVIDERS}


def test_books_differ_by_each_minor_unit_of_each_currency():
    ours, theirs = {"USD": (100, 5), "JPY": (7, 0)}, {"USD": (99, 7), "EUR": (1, 1)}

    assert difference(ours, theirs) == 1 + 2 + 7 + 2
    assert difference(ours, dict(ours)) == 0
