"""The defences, and how an operator would have to change the rules to be without one."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

SEEDS = Path(__file__).parents[2] / "seeds"
# More than anybody tries to get out.
NO_MAXIMUM = 10**9


class Defence(StrEnum):
    """What stands between thieves and money."""

    HOLD = "hold"
    CLAWBACK = "clawback of available diamonds"
    PURCHASE_RULES = "purchase rules"
    PAYEE_CARE = "fresh login and rest of payees"
    PAYOUT_LIMITS = "limits of payouts"
    FRAUD_RULES = "fraud rules"
    REVIEW = "review by people"


ALL = frozenset(Defence)


@dataclass(slots=True)
class RuleFiles:
    """The text of both files of rules, changed as an editor would."""

    rules: str
    fraud: str

    @classmethod
    def read(cls) -> "RuleFiles":
        """Return the files that a new installation begins with."""
        rules, fraud = (
            (SEEDS / name).read_text(encoding="utf-8") for name in ("rules.toml", "fraud.toml")
        )
        return cls(rules, fraud)

    def set(self, table: str, key: str, value: object) -> None:
        """Set a number of the rules; one that is not there is a mistake of this test."""
        pattern = rf"(?ms)^(\[{re.escape(table)}\][^\n]*\n(?:(?!^\[).)*?^{key} = )[^\n#]*"
        self.rules, count = re.subn(pattern, rf"\g<1>{value} ", self.rules)
        assert count == 1, f"[{table}] {key} is there {count} times"

    def remove(self, table: str) -> None:
        """Take out a table of the rules."""
        pattern = rf"(?ms)^\[{re.escape(table)}\].*?(?=^\[|\Z)"
        self.rules, count = re.subn(pattern, "", self.rules)
        assert count == 1, f"[{table}] is there {count} times"

    def weaken(self, defence: Defence) -> None:
        """Be without a defence; review is of people, and in no file."""
        if (change := _CHANGES.get(defence)) is not None:
            change(self)


def without(missing: frozenset[Defence]) -> RuleFiles:
    """Return the files of an installation that lacks these defences."""
    files = RuleFiles.read()
    # Promotions are a way to get something for nothing: they are always on offer here.
    files.set("promotions", "enabled", "true")
    for defence in sorted(missing):
        files.weaken(defence)
    return files


def _no_hold(files: RuleFiles) -> None:
    for key in ("days", "new_creator_days", "funding_risk_days"):
        files.set("maturity", key, 0)


def _no_purchase_rules(files: RuleFiles) -> None:
    for table in ("money", "card_testing", "repeat_refunds"):
        files.remove(f"purchase_rules.{table}")
    files.set("purchase_rules", "fraud_warning_days", 0)


def _no_payee_care(files: RuleFiles) -> None:
    files.set("payees", "login_minutes_max", 0)
    files.set("payouts", "payee_rest_hours", 0)


def _no_payout_limits(files: RuleFiles) -> None:
    for limit in ("maximum_minor_per_day", "maximum_minor_per_7_days", "requests_per_day_max"):
        files.set("payouts", limit, NO_MAXIMUM)


def _no_fraud_rules(files: RuleFiles) -> None:
    files.fraud = files.fraud.replace('mode = "enforced"', 'mode = "shadow"')


_CHANGES: dict[Defence, Callable[[RuleFiles], None]] = {
    Defence.HOLD: _no_hold,
    Defence.CLAWBACK: lambda files: files.set("payouts", "clawback_available", "false"),
    Defence.PURCHASE_RULES: _no_purchase_rules,
    Defence.PAYEE_CARE: _no_payee_care,
    Defence.PAYOUT_LIMITS: _no_payout_limits,
    Defence.FRAUD_RULES: _no_fraud_rules,
}
