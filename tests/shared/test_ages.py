"""Who is old enough for what, as the operator's rules say; by default nobody of unknown age."""

import tomllib
from pathlib import Path

import pytest

from shared.identity.ages import Act, AgeRule, AgeUnknown, TooYoung, read_age_rule

SEEDS = tomllib.loads(Path("seeds/rules.toml").read_text())


@pytest.mark.parametrize("act", list(Act))
def test_a_new_installation_refuses_the_young_and_those_of_unknown_age(act):
    rule = read_age_rule(SEEDS, act)

    rule.require(18)
    with pytest.raises(TooYoung):
        rule.require(17)
    with pytest.raises(AgeUnknown):
        rule.require(None)


def test_unknown_ages_may_be_allowed_for_everything_or_for_one_act():
    everything = {"age": {"minimum_years": 18, "unknown": "allow"}}
    giving = {"age": {"minimum_years": 18, "unknown": "refuse", "unknown_to_give": "allow"}}

    assert [read_age_rule(everything, act).unknown_allowed for act in Act] == [True] * 3
    assert {act: read_age_rule(giving, act).unknown_allowed for act in Act} == {
        Act.BUY: False,
        Act.GIVE: True,
        Act.CASH_OUT: False,
    }


def test_a_country_may_ask_for_more_years():
    rule = read_age_rule({"age": {"minimum_years": 18, "minimum_years_in": {"KR": 19}}}, Act.BUY)

    rule.require(18, "DE")
    rule.require(18)
    with pytest.raises(TooYoung):
        rule.require(18, "KR")


def test_the_young_may_give_a_little_where_a_rule_says_how_much_and_never_buy():
    rules = {"age": {"minimum_years": 18, "minor_coins_per_day": 10}}

    read_age_rule(rules, Act.GIVE).require(12)
    for act in (Act.BUY, Act.CASH_OUT):
        with pytest.raises(TooYoung):
            read_age_rule(rules, act).require(12)


def test_a_file_of_before_asks_for_the_years_it_always_asked_for():
    rule = read_age_rule({"age": {"minimum": 21, "minor_coins_per_day": 0}}, Act.GIVE)

    assert rule == AgeRule(minimum_years=21)


@pytest.mark.parametrize(
    "age",
    [
        {"minimum_years": 18, "unknown": "maybe"},
        {"minimum_years": 18, "unknown": True},
        {"minimum_years": 18, "minimum_years_in": {"KR": 16}},
        {"minimum_years": 18, "minimum_years_in": {"Korea": 19}},
        {"minimum_years": -1},
        {},
    ],
    ids=str,
)
def test_a_mistake_in_the_rules_stops_the_service(age):
    with pytest.raises((AssertionError, KeyError)):
        read_age_rule({"age": age}, Act.GIVE)
