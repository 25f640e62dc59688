"""Real money out, on the pages: a creator cashes out, people decide, and each of them says why."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from deploy.config.databases import fetch
from deploy.config.environment import ROOT
from deploy.harness.system import System
from tests.browser.conftest import CREATOR, TIMEOUT_MILLISECONDS, VIEWER
from tests.browser.test_access import faults, finished
from tests.browser.test_journeys import OPERATOR, earned
from tests.journeys.people import eventually

# Of a creator who is new to the platform: `new_creator_days` in the rules.
DAYS = 14
FACTS = "Two people sent all of your gifts in one night."
CLAUSE = "Section 4.2"
APPEAL = "They are my sister and her husband, who live abroad."


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """An installation where diamonds wait as in production, and first payouts are reviewed."""
    usual = (ROOT / "seeds" / "rules.toml").read_text(encoding="utf-8")
    rules = tmp_path_factory.mktemp("rules") / "rules.toml"
    reviewed = usual.replace("first_payout_review = false", "first_payout_review = true")
    assert reviewed != usual
    rules.write_text(reviewed, encoding="utf-8")
    additions = {"PAYOUT_RULES_FILE": str(rules), "PAYOUT_HOLD_SECONDS": ""}
    with System(fast=True, additions={"payout": additions}) as running:
        yield running


@pytest.fixture
def supported(stage):
    """A creator whom a viewer has given to: enough for a payout, once the gifts have matured."""
    lea, mira = stage.person("lea", **CREATOR), stage.person("mira", **VIEWER)
    stage.buy(mira, "coins_5000")
    for _ in range(2):
        stage.give(mira, lea.user, "g_orchestra")
    eventually(lambda: len(earned(lea)) == 2)
    return lea, mira


def let_diamonds_mature(system, creator):
    """Let a creator's gifts be so many days older."""
    fetch(
        system.postgres.dsn("payout"),
        f"UPDATE earnings SET matures_at = matures_at - interval '{DAYS} days'"
        f" WHERE creator = '{creator.user}' RETURNING creator",
    )
    eventually(lambda: creator.get("/v1/earnings/me")["available_diamonds"])


def onboard(page):
    """Let the provider's page ask what it needs, and come back from there."""
    page.get_by_role("button", name="Set up with the provider").click()
    page.get_by_text("What becomes of your account").wait_for()
    page.get_by_label("it is verified").check()
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/creator*")
    page.locator("#payouts code").wait_for()


def cash_out(page):
    """Read the quote and accept it."""
    page.locator("#cash-out:enabled").click()
    quoted = page.get_by_role("dialog")
    expect(quoted.locator("dd", has_text="none")).to_be_visible()
    quoted.get_by_role("button", name="Cash out €").click()


def decide(page, word, reason):
    """Decide with a reason in the dialog that asks for it."""
    page.get_by_role("dialog").get_by_label(re.compile("^Reason(, kept for good)?$")).fill(reason)
    page.get_by_role("dialog").get_by_role("button", name=word, exact=True).click()


def arrives(creator, visiting):
    """The newest payout is paid, and the page says so."""
    eventually(lambda: creator.get("/v1/payouts")["items"][0]["state"] == "paid")
    page = visiting.open("/creator")
    page.locator(".step.done", has_text="Arrived").wait_for()
    return page


def of(page, word, creator):
    """The button that begins a decision about a creator's payout."""
    return page.locator("#reviews").get_by_role(
        "button", name=re.compile(f"^{word} .*{re.escape(creator.user)}$")
    )


def downloaded(page, name):
    with page.expect_download() as kept:
        page.get_by_role("button", name=re.compile(name)).first.click()
    return Path(kept.value.path()).read_bytes()


def test_a_creator_sees_what_unlocks_when_and_what_stands_in_the_way(
    visitor, stage, supported, system, axe
):
    lea, _ = supported
    creator = visitor(lea.user, claims=CREATOR)
    page = creator.open("/creator")
    finished(page)
    # Nothing can be cashed out, and the page says what of it waits for what.
    page.get_by_text("Tell us first where your money goes").wait_for()
    page.get_by_text("The first gifts of a new creator wait longer", exact=False).wait_for()
    (hold,) = lea.get("/v1/payouts/limits")["pending"]
    page.get_by_text(f"in {DAYS} days").wait_for()
    assert hold["diamonds"] == sum(gift["diamonds"] for gift in earned(lea))
    obstacles = page.get_by_role("list", name="What stands in the way")
    expect(obstacles).to_contain_text("So few diamonds cannot be paid out yet")
    expect(page.locator("#cash-out")).to_be_disabled()
    expect(page.locator("#missing")).to_have_text("2,000 more diamonds, and you can cash out.")
    creator.keep("paying-out-1-what-unlocks-when", whole=True)
    assert faults(page, axe) == []

    let_diamonds_mature(system, lea)
    onboard(page)

    finished(page)
    expect(page.get_by_role("list", name="What stands in the way")).to_have_count(0)
    page.get_by_text("All your diamonds are available").wait_for()
    page.get_by_text("A person would look at it first: It is your first payout").wait_for()
    expect(page.locator("#cash-out")).to_be_enabled()


def test_a_creator_chooses_the_currency_in_which_money_arrives(visitor, supported, system):
    lea, _ = supported
    let_diamonds_mature(system, lea)
    page = visitor(lea.user, claims=CREATOR).open("/creator")

    page.get_by_label("Arrives in").select_option("EUR")
    expect(page.get_by_label("Arrives in")).to_be_focused()
    page.locator("#payee").click()
    page.get_by_label("Account at the payout provider").fill("acct_ok_euros")
    page.get_by_role("button", name="Save").click()
    page.locator("#cash-out:enabled").click()

    quoted = page.get_by_role("dialog")
    expect(quoted.locator("dt", has_text="Exchanged")).to_be_visible()
    quoted.get_by_role("button", name="Cash out €").click()
    eventually(lambda: [each["currency"] for each in lea.get("/v1/payouts")["items"]] == ["EUR"])


def reject_with_reasons(ann, lea, mira, axe):
    """Trace a payout and reject it; return the faults of what was open, and the diamonds."""
    review = ann.open("/operator")
    finished(review)
    expect(review.locator("#reviews")).to_contain_text("First payout of this creator")
    of(review, "Trace", lea).click()
    traced = review.get_by_role("dialog")
    traced.get_by_role("img", name="Diamonds from viewers to kinds of coins").wait_for()
    assert {mira.user, "Paid coins"} <= set(traced.locator("svg text").all_text_contents())
    (row,) = traced.get_by_role("row").filter(has_text=mira.user).all()
    diamonds = sum(gift["diamonds"] for gift in earned(lea))
    assert f"{diamonds:,}" in row.inner_text()
    ann.keep("paying-out-3-trace")
    found = {"trace": faults(review, axe)}
    review.keyboard.press("Escape")

    of(review, "Reject", lea).click()
    review.get_by_label("Facts").fill(FACTS)
    review.get_by_label("Which clause or law").fill(CLAUSE)
    found["rejection"] = faults(review, axe)
    ann.keep("paying-out-4-statement-of-reasons")
    decide(review, "Reject", "one-sided income")
    review.get_by_text("Rejected.").wait_for()
    return found, diamonds


def test_a_payout_is_rejected_with_reasons_appealed_overturned_and_asked_for_again(
    visitor, supported, system, axe
):
    lea, mira = supported
    let_diamonds_mature(system, lea)
    creator = visitor(lea.user, claims=CREATOR)
    page = creator.open("/creator")
    onboard(page)
    cash_out(page)
    why = page.get_by_role("group", name="Why a person looks at it")
    expect(why).to_contain_text("It is your first payout", timeout=TIMEOUT_MILLISECONDS)
    creator.keep("paying-out-2-under-review", whole=True)

    ann = visitor("ann", claims=OPERATOR)
    found, diamonds = reject_with_reasons(ann, lea, mira, axe)

    # The creator reads all of it, has the diamonds back, and does not agree.
    page = creator.open("/creator")
    declined = page.get_by_role("group", name="Why it was declined")
    expect(declined).to_contain_text(FACTS)
    expect(declined).to_contain_text(f"It rests on our terms: {CLAUSE}")
    expect(page.locator("#cash-out")).to_contain_text(f"{diamonds:,}")
    creator.keep("paying-out-5-declined", whole=True)
    page.locator("#appeal").click()
    page.get_by_label("In your words").fill(APPEAL)
    page.get_by_role("button", name="Send", exact=True).click()
    declined.get_by_text("You appealed on").wait_for()
    found["appeal"] = faults(page, axe)

    # Not the one who rejected it: a colleague.
    review = ann.open("/operator")
    of(review, "Uphold", lea).click()
    decide(review, "Uphold", "I was right")
    review.get_by_text("now a colleague has to").wait_for()
    ben = visitor("ben", claims=OPERATOR)
    review = ben.open("/operator")
    expect(review.locator("#reviews")).to_contain_text(APPEAL)
    of(review, "Overturn", lea).click()
    decide(review, "Overturn", "A family, not a ring")
    review.get_by_text("Decided.").wait_for()
    page = creator.open("/creator")
    expect(declined).to_contain_text("you can cash out again. A family, not a ring")
    creator.keep("paying-out-6-overturned", whole=True)

    cash_out(page)
    arrives(lea, creator)
    assert {step: faulty for step, faulty in found.items() if faulty} == {}


def test_a_first_payout_is_approved_with_a_reason_arrives_and_is_kept_as_files(
    visitor, supported, system
):
    lea, _ = supported
    let_diamonds_mature(system, lea)
    creator = visitor(lea.user, claims=CREATOR)
    page = creator.open("/creator")
    onboard(page)
    cash_out(page)
    page.get_by_role("group", name="Why a person looks at it").wait_for()
    # It says so as soon as it is so, and not once the page is opened again.
    expect(page.locator(".tile", has_text="On their way")).to_contain_text("5,000")
    operator = visitor("ann", claims=OPERATOR)
    review = operator.open("/operator")

    of(review, "Approve", lea).click()
    decide(review, "Approve", "I have called her")

    review.get_by_text("Approved.").wait_for()
    expect(of(review, "Approve", lea)).to_have_count(0)
    page = arrives(lea, creator)
    expect(page.locator(".steps")).to_contain_text("I have called her")
    creator.keep("paying-out-7-paid", whole=True)
    assert downloaded(page, "^Certificate of payout").startswith(b"%PDF")
    assert downloaded(page, "^Statement of .* as PDF$").startswith(b"%PDF")
    assert b",payouts," in downloaded(page, "^Statement of .* as CSV$")
    review = operator.open("/operator")
    expect(review.locator("main")).to_contain_text("I have called her")
