"""Each operation that makes something permanent has a number it stops at, on one page."""

import importlib
import json
import re
from pathlib import Path

import pytest

from services.payout.main import read_rules as read_payout_rules
from services.purchase.main import read_rules as read_purchase_rules
from shared.quotas.rules import Quota

ROOT = Path(__file__).parent.parent.parent
OPENAPI = json.loads((ROOT / "deploy" / "gateway" / "openapi.json").read_text())
PAGE = (ROOT / "docs" / "operations" / "security.md").read_text()
RULES_FILE = ROOT / "seeds" / "rules.toml"
RATES_FILE = ROOT / "seeds" / "rates.toml"
CHANGING = ("post", "put", "patch", "delete")
# Written on one line each: operation, makes, stops at, refusal, shown by.
ROW = re.compile(
    r"^\| `([A-Z]+ /v1/[^`]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE
)
ROWS = {operation: rest for operation, *rest in ROW.findall(PAGE)}
# Tencent's servers understand no status but 200: what is wrong is said in the body.
BY_ERROR_CODE = "POST /v1/callbacks/tencent"


def operations():
    """Every operation that is not an operator's: what operators do is on record."""
    return {
        f"{method.upper()} {path}": operation
        for path, found in OPENAPI["paths"].items()
        for method, operation in found.items()
        if method in CHANGING and not path.startswith("/v1/operator/")
    }


def codes_of(operation):
    """The codes that an operation's description names, by status."""
    return {
        code: int(status)
        for status, answer in operation["responses"].items()
        for code in re.findall(r"`([a-z-]+)`:", answer.get("description", ""))
    }


def quotas() -> list[Quota]:
    """Every quota that some service has: constants of its domain, and those of its rules."""
    found: set[Quota] = set()
    for file in (ROOT / "services").glob("*/domain/*.py"):
        module = importlib.import_module(
            ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        )
        found |= {value for value in vars(module).values() if isinstance(value, Quota)}
    limits = read_purchase_rules(ROOT / "seeds" / "packages.toml", RULES_FILE).quotas
    rules = read_payout_rules(RULES_FILE, RATES_FILE)
    rules = rules.at(next(rules.rates.versions()).rate)
    found |= {
        getattr(owner, name)
        for owner in (limits, rules)
        for name in dir(owner)
        if isinstance(getattr(owner, name, None), Quota)
    }
    # In one order, whatever the process: tests run in several.
    return sorted(found, key=lambda quota: quota.act)


def test_the_page_has_every_operation_and_no_other():
    assert ROWS.keys() == operations().keys()


@pytest.mark.parametrize("operation", sorted(operations()))
def test_what_an_operation_is_refused_with_is_what_its_description_says(operation):
    _, stops_at, refusal, _ = ROWS[operation]
    named = set(re.findall(r"`([a-z-]+)`", refusal))
    known = codes_of(operations()[operation])

    assert operation == BY_ERROR_CODE or named <= known.keys(), named - known.keys()
    # What has a quota is refused by it; a body that is wrong is no limit.
    assert ("too-often" in named) == bool(re.search(r"`[a-z-]+`:", stops_at))
    assert not named & {"invalid-request", "malformed-json", "unauthenticated"}


@pytest.mark.parametrize("operation", sorted(operations()))
def test_what_is_kept_has_a_number_and_a_test(operation):
    makes, stops_at, _, shown_by = ROWS[operation]
    if makes.strip() == "nothing":
        assert operation.startswith("DELETE ")
    else:
        assert re.search(r"\d|one |streams, below|provider signs|perk says", stops_at)
        assert re.search(r"`test_\w+`", shown_by)


@pytest.mark.parametrize("quota", quotas(), ids=lambda quota: quota.act)
def test_the_page_has_the_numbers_of_the_code(quota):
    time = {300: "within 5 minutes", 3_600: "an hour", 86_400: "a day"}[quota.seconds]

    said = [row[1] for row in ROWS.values() if f"`{quota.act}`: {quota.count_max:,} " in row[1]]

    assert said
    assert time in said[0]


def test_there_are_no_two_quotas_of_one_name():
    acts = [quota.act for quota in quotas()]
    assert len(acts) == len(set(acts)) > 10


@pytest.mark.parametrize("number", ["open_max = 10", "payee_changes_per_day = 5", "days = 7"])
def test_a_number_that_is_missing_stops_the_service_and_is_named(tmp_path, number):
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES_FILE.read_text().replace(f"\n{number}", "\n", 1))

    with pytest.raises(TypeError, match=number.split(" ", maxsplit=1)[0]):
        (
            read_payout_rules(rules, RATES_FILE),
            read_purchase_rules(ROOT / "seeds" / "packages.toml", rules),
        )
