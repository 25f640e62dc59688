"""A plan is data: a seed makes the same one always, and a long one leaves nothing out."""

from collections import Counter
from itertools import pairwise

import pytest

from shared.contracts.routes import SERVICES
from tests.chaos.plan import POOR_SHARE, Errand, Kind, make_plan


@pytest.mark.parametrize("seed", [0, 7, 123_456])
def test_the_same_seed_makes_the_same_plan_and_the_same_gifts(seed):
    plan = make_plan(seed=seed, gifts=1_000, faults=30)
    again = make_plan(seed=seed, gifts=1_000, faults=30)

    assert again == plan
    assert list(again.wishes()) == list(plan.wishes())


def test_another_seed_makes_another_plan_and_other_gifts():
    plan, other = (make_plan(seed=seed, gifts=1_000, faults=30) for seed in (1, 2))

    assert other.faults != plan.faults
    assert other.errands != plan.errands
    assert [wish.viewer for wish in other.wishes()] != [wish.viewer for wish in plan.wishes()]


@pytest.mark.parametrize("seed", range(50))
def test_any_plan_of_thirty_faults_has_every_kind_and_kills_every_service(seed):
    plan = make_plan(seed=seed, gifts=20_000, faults=30)

    assert {fault.kind for fault in plan.faults} == set(Kind)
    killed = [fault.target for fault in plan.faults if fault.kind is Kind.KILL_SERVICE]
    times = Counter(killed)
    assert len(times) == min(len(killed), len(SERVICES))
    assert max(times.values()) - min(times.values()) <= 1


def test_a_short_plan_has_as_many_kinds_as_there_is_room_for():
    plan = make_plan(seed=3, gifts=300, faults=5)

    assert len({fault.kind for fault in plan.faults}) == 5


def test_faults_and_errands_come_in_order_with_gifts_before_and_after_them():
    plan = make_plan(seed=5, gifts=20_000, faults=40)

    for moments in (
        [fault.at_answers for fault in plan.faults],
        [doing.at_answers for doing in plan.errands],
    ):
        assert all(earlier <= later for earlier, later in pairwise(moments))
        assert moments[0] >= 1_000
        assert moments[-1] <= 18_000


def test_no_two_complaints_are_of_one_viewer_and_none_is_of_a_poor_one():
    plan = make_plan(seed=5, gifts=20_000, faults=40)

    complaining = [doing.viewer for doing in plan.errands if doing.errand is not Errand.BUY]
    assert len(complaining) == len(set(complaining)) == 9
    assert max(complaining) < plan.buyers
    assert {doing.errand for doing in plan.errands} == set(Errand)


def test_some_gifts_are_asked_for_by_viewers_without_coins():
    plan = make_plan(seed=5, gifts=10_000, faults=0)

    poor = sum(wish.viewer >= plan.buyers for wish in plan.wishes())
    assert poor == pytest.approx(10_000 * POOR_SHARE, rel=0.3)
    assert len({wish.key for wish in plan.wishes()}) == 10_000
