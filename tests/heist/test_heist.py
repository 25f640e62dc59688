"""What `make heist` adds up, and how it changes rules; the runs themselves are its own."""

import tomllib

import pytest

from services.payout import main as payout
from services.purchase import main as purchase
from tests.heist.defences import ALL, SEEDS, Defence, RuleFiles, without
from tests.heist.results import what_is_worse
from tests.heist.run import Loot, Result, Variant, variants


def a_result(name, lost_minor, *, reviewed=0, unpaid=0):
    return Result(
        Variant(name),
        loot=[Loot("plan", lost_minor, 0)],
        processed_minor=1_000_000,
        honest_payouts=10,
        honest_reviewed=reviewed,
        honest_unpaid=unpaid,
    )


def test_what_the_thieves_payments_left_is_no_loss():
    assert Loot("plan", paid_minor=10_000, kept_minor=4_000).loss_minor == 6_000
    assert Loot("plan", paid_minor=10_000, kept_minor=20_000).loss_minor == 0
    assert Loot("plan", paid_minor=10_000, kept_minor=-5_000).loss_minor == 15_000


def test_one_plan_that_left_more_than_it_took_does_not_pay_for_another():
    result = a_result("all defences", 5_000)
    result.loot.append(Loot("other", paid_minor=0, kept_minor=9_000))

    assert (result.loss_minor, result.loss_per_million) == (5_000, 5_000)


def test_there_is_a_run_with_all_defences_without_each_and_without_any():
    missing = [each.missing for each in variants()]

    assert missing == [frozenset(), *(frozenset({each}) for each in Defence), ALL]
    assert [each.name for each in variants(["no defences"])] == ["no defences"]


def test_rules_change_where_they_should_and_nowhere_else():
    files = RuleFiles.read()
    before = tomllib.loads(files.rules)

    files.set("maturity", "days", 0)
    files.remove("purchase_rules.money")

    after = tomllib.loads(files.rules)
    before["maturity"]["days"] = 0
    del before["purchase_rules"]["money"]
    assert after == before


@pytest.mark.parametrize("missing", [frozenset(), *(frozenset({each}) for each in Defence), ALL])
def test_the_services_start_with_the_rules_of_every_run(missing, tmp_path):
    files = without(missing)
    rules, fraud = tmp_path / "rules.toml", tmp_path / "fraud.toml"
    rules.write_text(files.rules, encoding="utf-8")
    fraud.write_text(files.fraud, encoding="utf-8")

    payout.read_rules(rules, SEEDS / "rates.toml", fraud_file=fraud)
    purchase.read_rules(SEEDS / "packages.toml", rules)


def test_a_number_that_is_not_there_is_a_mistake():
    with pytest.raises(AssertionError, match="there 0 times"):
        RuleFiles.read().set("maturity", "weeks", 1)


def test_without_defences_no_rule_of_them_is_left():
    files = without(ALL)
    rules, fraud = tomllib.loads(files.rules), tomllib.loads(files.fraud)

    assert rules["maturity"]["new_creator_days"] == rules["payouts"]["payee_rest_hours"] == 0
    assert rules["payees"]["login_minutes_max"] == 0
    assert not rules["payouts"]["clawback_available"]
    assert "money" not in rules["purchase_rules"]
    assert {each.get("mode") for each in fraud.values()} == {None, "shadow"}


@pytest.mark.parametrize(
    ("results", "worse"),
    [
        ((a_result("all defences", 900), a_result("no defences", 100_000)), []),
        ((a_result("all defences", 1_200), a_result("no defences", 100_000)), ["1.2 %"]),
        ((a_result("no defences", 99_000),), ["at least"]),
        ((a_result("all defences", 0, reviewed=3),), ["3 honest payouts"]),
        ((a_result("all defences", 0, unpaid=1),), ["1 honest payouts"]),
        ((a_result("without hold", 99_999),), []),
    ],
)
def test_what_is_worse_than_it_may_be_is_said(results, worse):
    said = list(what_is_worse(results))

    assert len(said) == len(worse)
    assert all(part in each for part, each in zip(worse, said, strict=True))
