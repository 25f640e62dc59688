"""Small charts in the console: what was bought and given, and how long gifts take."""

from uuid import uuid4

import pytest

from deploy.config.databases import run_sql
from tests.browser.conftest import CREATOR, VIEWER
from tests.browser.test_access import faults, finished
from tests.browser.test_journeys import OPERATOR


@pytest.fixture
def flow(stage):
    """A viewer bought coins and gave some, minutes ago."""
    lea, mira = stage.person("lea", **CREATOR), stage.person("mira", **VIEWER)
    stage.buy(mira, "coins_500")
    gift = stage.give(mira, lea.user, "g_fox").json()["gift"]
    # A minute is told when it is over, and no test waits for that.
    earlier = "requested_at - interval '2 minutes', decided_at - interval '2 minutes'"
    run_sql(
        stage.system.postgres.dsn("gift"),
        [f"UPDATE gifts SET (requested_at, decided_at) = ({earlier}) WHERE id = '{gift}'"],
    )


@pytest.mark.parametrize(
    ("scheme", "language"), [("light", "en"), ("dark", "de"), ("dark", "ar"), ("light", "ja")]
)
def test_coins_and_latency_are_drawn_with_their_numbers_in_a_table(
    visitor, flow, axe, scheme, language
):
    operator = visitor(f"ops-{uuid4().hex[:6]}", claims=OPERATOR, scheme=scheme)
    page = operator.open(f"/operator?language={language}")
    finished(page)
    charts = page.locator("#charts")

    assert charts.locator("svg[role=img]").count() == 2
    for drawn in charts.locator("svg[role=img]").all():
        assert len(drawn.get_attribute("aria-label")) > 20
    # Each bar says what it stands for, and so does a table.
    assert charts.locator("svg rect.series-0").count() >= 60
    for table in charts.locator("details").all():
        table.locator("summary").click()
        assert table.locator("tbody tr").count() >= 1
    bought, given = (
        int(cell.inner_text().replace(",", "").replace(".", "").strip() or 0)
        if language == "en"
        else 1
        for cell in charts.locator("tbody").first.locator("tr").last.locator("td.number").all()
    )
    assert bought >= given >= 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    charts.scroll_into_view_if_needed()
    operator.keep(f"console-8-charts-{language}-{scheme}")
    assert faults(page, axe) == []


def test_what_two_panels_show_is_read_once(visitor, flow):
    operator = visitor(f"ops-{uuid4().hex[:6]}", claims=OPERATOR)
    asked = []
    operator.page.on("request", lambda request: asked.append(request.url))
    page = operator.open("/operator")
    finished(page)

    for path in ("/v1/operator/wallet/books", "/v1/operator/gift/operations"):
        assert len([url for url in asked if url.endswith(path)]) == 1, path


def test_an_operator_without_the_scope_sees_no_charts(visitor):
    claims = {**OPERATOR, "scopes": ["audit:read"]}
    page = visitor(f"ops-{uuid4().hex[:6]}", claims=claims).open("/operator")
    finished(page)

    assert page.locator("#charts").count() == 0
