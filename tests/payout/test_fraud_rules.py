"""Each fraud rule on facts by hand, and what holds for all of them whatever the facts are."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.payout.domain.fraud_rules import (
    FraudFacts,
    FraudRule,
    FraudRules,
    GiftEdge,
    Income,
    Mode,
    RuleName,
    find,
)
from services.payout.main import read_fraud_rules

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=400)
SEEDS = read_fraud_rules(Path("seeds/fraud.toml"))
CARD, OTHER_CARD = "a" * 32, "b" * 32


def income(viewer="mira", diamonds=10_000, **about):
    known = {
        "fingerprint": None,
        "reversed_diamonds": 0,
        "flagged_diamonds": 0,
        "first_gift_at": NOW,
        "first_paid_at": LONG_AGO,
    }
    return Income(viewer=viewer, diamonds=diamonds, **{**known, **about})


def fans(count, diamonds=10_000, **about):
    """Viewers who first paid on different days, a long time ago."""
    return [
        income(
            f"fan{number}",
            diamonds,
            **{"first_paid_at": LONG_AGO - timedelta(days=number), **about},
        )
        for number in range(count)
    ]


def found(*listed, **about):
    """What the rules of a new installation find, by rule."""
    facts = FraudFacts("lea", tuple(listed), **about)
    return {each.rule.value: each for each in find(facts, SEEDS)}


def test_many_fans_who_paid_long_ago_are_no_sign_of_anything():
    assert found(*fans(10)) == {}


def test_two_viewers_who_gave_most_are_a_concentration():
    """Twitch in Turkey: small streamers whose income came from a few accounts."""
    finding = found(*fans(8, 1_000), income("a", 20_000), income("b", 10_000))["concentration"]

    assert (finding.diamonds, finding.of_diamonds, finding.accounts) == (30_000, 38_000, 2)
    assert finding.score_bp == 30_000 * 10_000 // 38_000
    assert finding.named == ("a", "b")


def test_accounts_that_pay_with_one_card_are_one_payer():
    """Four accounts with two cards gave half each: two payers gave it all."""
    mules = [income(f"mule{n}", 6_000, fingerprint=(CARD, OTHER_CARD)[n % 2]) for n in range(4)]

    assert found(*mules)["concentration"].score_bp == 10_000


def test_a_little_income_is_left_alone():
    assert found(income("only", 1_999)) == {}


def test_gifts_that_come_back_at_once_are_a_circle():
    back = GiftEdge(viewer="lea", creator="a", diamonds=8_000)

    finding = found(income("a", 10_000), *fans(2, 5_000), edges=(back,))["circular-gifting"]

    assert (finding.diamonds, finding.named) == (8_000, ("a",))


def test_gifts_that_come_back_by_a_third_are_a_circle_as_far_as_each_passed_on():
    """Lea gave 9,000 to b, b gave 7,000 to c, and c gave Lea 10,000."""
    edges = (GiftEdge("lea", "b", 9_000), GiftEdge("b", "c", 7_000))

    finding = found(income("c", 10_000), *fans(1, 10_000), edges=edges)["circular-gifting"]

    assert (finding.diamonds, finding.accounts) == (7_000, 1)


def test_a_thank_you_is_no_circle():
    """A creator who gives a fan, who streams too, a tenth of it."""
    back = GiftEdge(viewer="lea", creator="fan0", diamonds=1_000)

    assert found(*fans(10), edges=(back,)) == {}


def test_a_card_of_the_creators_own_is_self_gifting():
    bought = income("second-account", 5_000, fingerprint=CARD)

    finding = found(bought, *fans(9, 5_000), own_fingerprints=frozenset({CARD}))["self-gifting"]

    assert (finding.score_bp, finding.named) == (1_000, ("second-account",))


def test_what_no_provider_tells_apart_is_no_card_of_the_creators():
    assert found(*fans(10), own_fingerprints=frozenset({CARD})) == {}


def test_accounts_that_just_paid_for_the_first_time_are_fresh():
    fresh = fans(10, first_paid_at=NOW - timedelta(days=6))

    assert found(*fresh)["fresh-cards"].accounts == 10


@pytest.mark.parametrize("days", [7, 30])
def test_accounts_that_paid_a_week_before_their_gift_are_not_fresh(days):
    assert "fresh-cards" not in found(*fans(9, first_paid_at=NOW - timedelta(days=days)))


def test_two_new_fans_are_no_fresh_cards():
    fresh = fans(2, 20_000, first_paid_at=NOW)

    assert "fresh-cards" not in found(*fresh, *fans(1, 1_000))


def test_what_was_disputed_or_is_suspected_counts_together():
    risky = [income("a", reversed_diamonds=3_000), income("b", flagged_diamonds=2_500)]

    finding = found(*risky, *fans(8))["taken-back"]

    assert (finding.diamonds, finding.score_bp, finding.accounts) == (5_500, 550, 2)


def test_three_accounts_with_one_card_are_a_farm():
    farm = [income(f"account{n}", 1_000, fingerprint=CARD) for n in range(3)]

    assert found(*farm, *fans(2, 5_000))["account-farm"].accounts == 3


def test_a_couple_with_one_card_is_no_farm():
    couple = [income(name, 20_000, fingerprint=CARD) for name in ("ann", "ben")]

    assert "account-farm" not in found(*couple, *fans(2))


def test_cards_join_accounts_that_share_none_directly():
    """A and b share a card, b and c another."""
    chain = [
        income("a", fingerprint=CARD),
        income("b", fingerprint=CARD),
        income("b", fingerprint=OTHER_CARD),
        income("c", fingerprint=OTHER_CARD),
    ]

    assert found(*chain)["account-farm"].named == ("a", "b", "c")


def test_ten_accounts_that_first_paid_on_one_day_are_found_in_shadow():
    day = NOW - timedelta(days=20)
    accounts = [income(f"account{n}", 4_000, first_paid_at=day.replace(hour=n)) for n in range(10)]

    finding = found(*accounts)["rank-laundering"]

    assert (finding.mode, finding.accounts) == (Mode.SHADOW, 10)


def test_a_finding_names_no_more_than_twenty_accounts_and_says_how_many_there_are():
    finding = found(*fans(30, first_paid_at=NOW))["fresh-cards"]

    assert (finding.accounts, len(finding.named)) == (30, 20)
    assert finding.words == (
        "100 % of 300,000 diamonds came from 30 accounts that had just paid for the first time."
    )
    assert finding.reason == "risk:fresh-cards"


def test_a_rule_that_is_missing_stops_the_service(tmp_path):
    text = Path("seeds/fraud.toml").read_text(encoding="utf-8")
    (tmp_path / "fraud.toml").write_text(text.replace("[account-farm]", "[acount-farm]"))

    with pytest.raises(KeyError, match="account-farm"):
        read_fraud_rules(tmp_path / "fraud.toml")


def test_a_number_that_is_missing_stops_the_service(tmp_path):
    text = Path("seeds/fraud.toml").read_text(encoding="utf-8")
    (tmp_path / "fraud.toml").write_text(text.replace("payers = 2", ""))

    with pytest.raises(AssertionError, match=r"\[concentration\] lacks \['payers'\]"):
        read_fraud_rules(tmp_path / "fraud.toml")


# Every rule, with numbers that small facts reach.
EVERY_RULE = FraudRules(
    window_days=90,
    slices_max=5_000,
    givers_max=10,
    rules={
        name: FraudRule(
            version=1,
            mode=Mode.ENFORCED,
            minimum_diamonds=1,
            share_bp=1,
            payers=1,
            days=7,
            accounts=2,
        )
        for name in RuleName
    },
)
names = st.sampled_from([*"abcd", "lea"])
cards = st.sampled_from([None, CARD, OTHER_CARD])
moments = st.integers(0, 20).map(lambda days: NOW - timedelta(days=days))


@st.composite
def incomes(draw):
    diamonds = draw(st.integers(1, 1_000))
    taken = draw(st.integers(0, diamonds))
    return Income(
        viewer=draw(names),
        fingerprint=draw(cards),
        diamonds=diamonds,
        reversed_diamonds=taken,
        flagged_diamonds=draw(st.integers(0, diamonds - taken)),
        first_gift_at=draw(moments),
        first_paid_at=draw(st.none() | moments),
    )


edges = st.builds(GiftEdge, names, names, st.integers(1, 1_000))
facts = st.builds(
    FraudFacts,
    st.just("lea"),
    st.lists(incomes(), min_size=1, max_size=8).map(tuple),
    own_fingerprints=st.frozensets(st.just(CARD)),
    edges=st.lists(edges, max_size=8).map(tuple),
)


@given(facts, st.randoms())
def test_no_order_of_the_facts_changes_a_finding(known, chance):
    shuffled = [list(known.income), list(known.edges)]
    for each in shuffled:
        chance.shuffle(each)
    other = replace(known, income=tuple(shuffled[0]), edges=tuple(shuffled[1]))

    assert find(other, EVERY_RULE) == find(known, EVERY_RULE)


@given(facts)
def test_no_finding_is_of_more_than_there_is(known):
    for each in find(known, EVERY_RULE):
        assert 0 < each.diamonds <= each.of_diamonds == sum(it.diamonds for it in known.income)
        assert 0 < each.score_bp <= 10_000


@given(facts, st.integers(0, 7))
def test_more_that_is_disputed_never_lowers_a_score(known, place):
    one = known.income[place % len(known.income)]
    left = one.diamonds - one.reversed_diamonds - one.flagged_diamonds
    worse = [*known.income]
    worse[place % len(worse)] = replace(one, reversed_diamonds=one.reversed_diamonds + left)

    assert _no_score_is_lower(known, replace(known, income=tuple(worse)))


@given(facts, edges)
def test_one_more_gift_among_others_never_lowers_a_score(known, edge):
    assert _no_score_is_lower(known, replace(known, edges=(*known.edges, edge)))


@given(facts)
def test_income_in_two_parts_is_the_same_income(known):
    """Whether one viewer's gifts with one card are one fact or two."""
    parts = [
        part
        for each in known.income
        for part in (
            replace(each, diamonds=each.diamonds // 2, reversed_diamonds=0, flagged_diamonds=0),
            replace(each, diamonds=each.diamonds - each.diamonds // 2),
        )
    ]
    random.Random(1).shuffle(parts)

    assert find(replace(known, income=tuple(parts)), EVERY_RULE) == find(known, EVERY_RULE)


def _no_score_is_lower(known, other):
    scores = {each.rule: each.score_bp for each in find(other, EVERY_RULE)}
    return all(scores.get(each.rule, 0) >= each.score_bp for each in find(known, EVERY_RULE))
