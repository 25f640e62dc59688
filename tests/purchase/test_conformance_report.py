"""The table of the conformance suite: a column for each provider, a row for each case of all."""

from types import SimpleNamespace

import pytest
from rich.console import Console

from tests.purchase.providers.apple_driver import AppleDriver
from tests.purchase.providers.driver import Action
from tests.purchase.providers.report import ConformanceReport, show


def a_result(case, vendor, *, failed=False, lacks=None):
    return SimpleNamespace(
        nodeid=f"tests/purchase/providers/test_any.py::test_{case}",
        user_properties=[("vendor", vendor)] if vendor else [],
        when="call",
        failed=failed,
        skipped=lacks is not None,
        longrepr=("", 1, f"Skipped: {lacks}"),
    )


@pytest.fixture
def printed():
    """What is printed of these results, without the spaces of its columns."""

    def print_table(*results):
        report = ConformanceReport()
        for result in results:
            report.pytest_runtest_logreport(result)
        console = Console(width=120)
        with console.capture() as shown:
            show(report.cases, report.lacks, console)
        return [" ".join(line.split()) for line in shown.get().splitlines()]

    return print_table


def test_a_case_of_all_has_a_mark_for_each_vendor(printed):
    lines = printed(
        a_result("it_is_paid[stripe-0]", "stripe"),
        a_result("it_is_paid[paypal-0]", "paypal", failed=True),
        a_result("it_is_paid[paypal-1]", "paypal"),
    )

    assert "case ┃ paypal ┃ stripe" in lines
    assert "it is paid │ ✗ │ ✓" in lines


def test_the_values_of_a_variant_are_no_vendor(printed):
    """A variant is named by all its values, and its vendor may be the last of them."""
    lines = printed(
        a_result("it_is_paid[stripe]", "stripe"),
        a_result("it_is_paid[paypal]", "paypal"),
        a_result("it_is_refused[422-[]-paypal]", "paypal"),
        a_result("it_is_known[422]", None),
    )

    assert "case ┃ paypal ┃ stripe" in lines
    assert "it is paid │ ✓ │ ✓" in lines
    assert "cases of its own │ 1 │ 0" in lines


def test_what_a_vendor_lacks_is_said_below(printed):
    lines = printed(
        a_result("it_is_refunded[apple]", "apple", lacks="refunds are made by the store"),
        a_result("it_is_refunded[stripe]", "stripe"),
    )

    assert "it is refunded │ a │ ✓" in lines
    assert "apple a refunds are made by the store" in lines


def test_a_vendor_may_lack_more_than_there_are_letters(printed):
    lacking = [a_result(f"case_{n}[apple]", "apple", lacks=f"reason {n}") for n in range(28)]

    lines = printed(*lacking)

    assert "apple z reason 25" in lines
    assert "apple aa reason 26" in lines
    assert "apple ab reason 27" in lines


@pytest.mark.parametrize("action", Action)
def test_a_call_that_a_vendor_lacks_is_said_in_plain_words(action, monkeypatch):
    monkeypatch.setattr(AppleDriver, "operations", {})
    driver = AppleDriver()
    driver.fake = SimpleNamespace(lose_answer=None)

    with pytest.raises(pytest.skip.Exception, match=f"^apple has no call that {action}s a payment"):
        driver.lose_answer(action)
