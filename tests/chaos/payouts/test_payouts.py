"""The plan of a run of payouts is data, and books are compared to the cent."""

from tests.chaos.payouts.books import difference
from tests.chaos.payouts.plan import PROVIDERS, Story, make_plan
from tests.chaos.vendor_faults import VendorKind


def test_a_seed_makes_the_same_plan_and_a_long_one_leaves_nothing_out():
    plan = make_plan(seed=3, payouts=1_000, faults=100)

    assert plan == make_plan(seed=3, payouts=1_000, faults=100)
    assert plan.payouts == 1_000
    struck = {(fault.kind, fault.target) for fault in plan.vendor_faults}
    assert struck == {(kind, name) for kind in VendorKind for name in PROVIDERS}
    stories = {
        (wish.story, creator.provider) for creator in plan.creators for wish in creator.wishes
    }
    assert stories == {(story, name) for story in Story for name in PROVIDERS}


def test_books_differ_by_each_minor_unit_of_each_currency():
    ours, theirs = {"USD": 100, "JPY": 7}, {"USD": 99, "EUR": 1}

    assert difference(ours, theirs) == 1 + 7 + 1
    assert difference(ours, dict(ours)) == 0
