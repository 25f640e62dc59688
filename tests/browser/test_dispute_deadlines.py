"""Operators see which dispute needs evidence first, in their language, and what all come to."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.browser.conftest import VIEWER
from tests.browser.test_access import faults, finished
from tests.browser.test_journeys import DISPUTED_CARD, OPERATOR
from tests.journeys.people import eventually

PATH = "/v1/operator/purchase/disputes"
# What each language says of what is late, of what is urgent, and of all that are open.
WORDS = {
    "en": ("Evidence was due 3 days ago", "Evidence due in 25 hours", "5 disputes are open"),
    "de": ("Nachweise waren fällig vor 3 Tagen", "Nachweise fällig in 25 Stunden", "5 Rück"),
    "es": ("venció hace 3 días", "Plazo para las pruebas: dentro de 25 horas", "5 contracargos"),
    "pt-BR": ("venceu há 3 dias", "Prazo para as provas: em 25 horas", "5 contestações"),
    "ja": ("3 日前", "25 時間後", "5件"),
    "ar": ("انتهى موعد الأدلة", "آخر موعد للأدلة", "اعتراضات مفتوحة"),
}


def a_dispute(name, hours, **about):
    due_at = None if hours is None else datetime.now(UTC) + timedelta(hours=hours, minutes=10)
    return {
        "viewer": f"{name}-of-a-house-with-a-very-long-name",
        "purchase": str(uuid4()),
        "dispute": f"dp_{name}",
        "state": "open",
        "reason": "fraudulent",
        "amount_minor": 499,
        "currency": "USD",
        "recorded_at": datetime.now(UTC).isoformat(),
        "evidence_due_at": due_at and due_at.isoformat(),
        "evidence_submitted": False,
        **about,
    }


def let_there_be_disputes(page):
    """Answer as the service would, with deadlines of every kind; keep what was asked for."""
    items = [
        a_dispute("late", -72.5),
        a_dispute("urgent", 25),
        a_dispute("calm", 24 * 9),
        a_dispute("without", None),
        a_dispute("answered", 20, evidence_submitted=True),
        a_dispute("lost", -24, state="lost"),
    ]
    exposure = [
        {"currency": "EUR", "disputes": 1, "amount_minor": 1_000},
        {"currency": "USD", "disputes": 4, "amount_minor": 1_996},
    ]
    asked = []

    def answer(route):
        asked.append(route.request.url)
        shown = items[:2] if "due_within_days" in route.request.url else items
        body = json.dumps({"items": shown, "exposure": exposure})
        route.fulfill(body=body, content_type="application/json")

    page.context.route(f"**{PATH}*", answer)
    return asked


def test_the_deadline_of_a_real_dispute_is_shown_with_its_time_and_its_money(visitor, stage):
    mira = stage.person("mira", **VIEWER)
    stage.buy(mira, "coins_500", card=DISPUTED_CARD)
    support = stage.person("ops", **OPERATOR)
    theirs = eventually(
        lambda: [one for one in support.get(PATH)["items"] if one["viewer"] == mira.user]
    )
    assert theirs[0]["evidence_due_at"] is not None

    page = visitor(f"ops-{uuid4().hex[:6]}", claims=OPERATOR).open("/operator")
    line = page.locator("#desk li", has_text=mira.user)
    line.get_by_text("Evidence due in 6 days").wait_for()
    page.goto(f"/operator?person={mira.user}")
    page.locator("#disputes li", has_text="Evidence due in 6 days").wait_for()


def test_what_is_overdue_comes_first_and_what_is_urgent_is_a_problem(visitor):
    operator = visitor(f"ops-{uuid4().hex[:6]}", claims=OPERATOR)
    asked = let_there_be_disputes(operator.page)
    page = operator.open("/operator")
    finished(page)

    lines = page.locator("#desk .lines li").all_inner_texts()
    shown = ["was due 3 days ago", "due in 25 hours", "due in 9 days", "names no time", "handed in"]
    assert all(text in line for text, line in zip(shown, lines, strict=False))
    assert "vidence" not in lines[5]
    problems = page.locator("#problems").inner_text()
    assert "2 disputes wait for evidence, the first due 3 days ago: $9.98" in problems
    assert "5 disputes are open: €10.00 + $19.96" in problems
    assert "dispute-evidence.md" in problems
    operator.keep("console-6-deadlines", whole=True)

    page.get_by_role("link", name="evidence due within 7 days").click()
    page.locator("#desk .lines li").nth(1).wait_for()
    finished(page)
    assert asked[-1].endswith("?due_within_days=7") or asked[-2].endswith("?due_within_days=7")
    assert page.locator("#desk .lines li").count() == 2
    page.locator("#desk .exposure", has_text="5 disputes are open").wait_for()


@pytest.mark.parametrize("language", WORDS)
def test_deadlines_are_in_the_language_of_the_page_and_fit_a_phone(visitor, axe, language):
    operator = visitor(f"ops-{uuid4().hex[:6]}", claims=OPERATOR, width=320, scheme="light")
    let_there_be_disputes(operator.page)
    page = operator.open(f"/operator?language={language}")
    finished(page)

    text = page.locator("#desk").inner_text()
    assert [word for word in WORDS[language] if word not in text] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert faults(page, axe) == []
    operator.keep(f"console-6-deadlines-{language}", whole=True)
