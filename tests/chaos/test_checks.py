"""The checks notice what is wrong: each with answers and books of a few gifts."""

import pytest

from tests.chaos.checks import agreed, finished
from tests.chaos.load import Answers
from tests.chaos.plan import Wish

SERVICES = ("gift", "wallet", "payout", "live")


@pytest.fixture
def answers():
    """Two gifts of ten coins that were paid, `a` and `b`, and `r` that was refused."""
    wishes = {gift: Wish(gift, 0, 0, "g_tea", 2) for gift in "abr"}
    return Answers(wishes, {"a": 201, "b": 201, "r": 402})


@pytest.fixture
def books():
    return {service: {"a": (1, 10), "b": (1, 10)} for service in SERVICES}


@pytest.fixture
def states():
    return {"a": "sent", "b": "sent", "r": "refused"}


def wrong(checks):
    return [(each.kind, each.name, each.detail) for each in checks if each.figure]


def test_nothing_is_wrong_with_books_that_have_what_was_accepted(answers, books, states):
    assert wrong(finished(answers, books, states)) == []


@pytest.mark.parametrize("service", SERVICES)
def test_an_accepted_gift_that_a_book_does_not_have_is_lost(answers, books, states, service):
    del books[service]["b"]

    assert wrong(finished(answers, books, states)) == [("lost", f"accepted, not in {service}", "b")]


@pytest.mark.parametrize("service", SERVICES)
def test_a_gift_that_a_book_has_twice_is_noticed(answers, books, states, service):
    books[service]["a"] = (2, 20)

    assert [kind for kind, _, _ in wrong(finished(answers, books, states))] == [
        "twice",
        "imbalance",
    ]


def test_a_refused_gift_that_took_coins_is_noticed(answers, books, states):
    books["wallet"]["r"] = (1, 10)

    assert wrong(finished(answers, books, states)) == [("unasked", "in wallet, not accepted", "r")]


def test_a_refused_gift_that_is_not_remembered_as_refused_is_noticed(answers, books, states):
    states["r"] = "requested"

    assert wrong(finished(answers, books, states)) == [
        ("unasked", "refused, but gift says otherwise", "r")
    ]


def test_a_gift_nobody_asked_for_is_noticed(answers, books, states):
    states["x"] = "refused"

    assert wrong(finished(answers, books, states)) == [("unasked", "gifts nobody asked for", "x")]


def test_sums_that_differ_between_services_are_noticed():
    sums = {
        "purchase": {"bought": 100, "postings": 0},
        "wallet": {"bought": 100, "spent": 10, "reversed": 2, "postings": 0},
        "gift": {"spent": 10, "reversed": 2},
        "payout": {"spent": 10, "reversed": 2, "postings": 0},
        "live": {"spent": 10, "reversed": 2, "between_rooms_and_scores": 0},
    }
    assert wrong(agreed(sums)) == []

    sums["live"]["spent"] = 7
    sums["payout"]["postings"] = -1

    assert [(each.name, each.figure) for each in agreed(sums) if each.figure] == [
        ("coins spent, between services", 3),
        ("postings, which sum to zero", 1),
    ]
