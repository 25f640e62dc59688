"""A team says that its events do not come: an operator looks at its endpoints, and acts."""

from uuid import uuid4

import httpx
import pytest

from deploy.config.databases import run_sql
from tests.browser.test_access import faults, finished
from tests.browser.test_journeys import OPERATOR

SCOPES = [*OPERATOR["scopes"], "webhooks:read", "webhooks:write", "payees:review"]
CLAIMS = {**OPERATOR, "scopes": [*SCOPES, "bank-files:write"]}
# Nobody listens there.
URL = "http://127.0.0.1:9/"


@pytest.fixture
def team(stage):
    """A team whose only endpoint answers nothing."""
    name = f"charts-{uuid4().hex[:6]}"
    granted = f"INSERT INTO grants (team, event) VALUES ('{name}', 'gift.sent')"
    run_sql(stage.system.postgres.dsn("webhooks"), [granted])
    token = stage.system.token(name, roles=["team"])
    answer = httpx.post(
        f"{stage.url}/v1/teams/me/endpoints",
        json={"url": URL, "events": ["gift.sent"]},
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": uuid4().hex},
    )
    assert answer.status_code == 201
    return name


def test_an_operator_opens_a_team_and_switches_its_endpoint_off_and_on(visitor, team, axe):
    operator = visitor(f"ops-{uuid4().hex[:6]}", claims=CLAIMS)
    page = operator.open("/operator")
    finished(page)
    # Nothing is paid by bank file here, and no payee waits.
    page.locator("#bank-files").get_by_text("Not in use").wait_for()
    page.locator("#payees").get_by_text("No payee waits").wait_for()
    row = page.locator("#teams tr", has_text=team)
    assert row.locator("td.number").all_inner_texts() == ["1", "1", "0", "0"]
    row.get_by_role("link", name=team).click()
    line = page.locator("#endpoints li", has_text=URL)
    line.get_by_text("delivering").wait_for()
    line.get_by_role("button", name="Failed deliveries").click()
    line.get_by_text("No failed deliveries").wait_for()
    operator.keep("console-7-team")
    assert faults(page, axe) == []

    line.get_by_role("button", name="Disable").click()
    page.locator("dialog").get_by_role("button", name="Disable").click()
    page.locator("dialog").get_by_text("The endpoint is disabled.").wait_for()
    page.locator("dialog").get_by_role("button", name="Done").click()
    line.get_by_text("switched off").wait_for()
    line.get_by_role("button", name="Enable").click()
    page.locator("dialog").get_by_role("button", name="Enable").click()
    page.locator("dialog").get_by_role("button", name="Done").click()
    line.get_by_text("delivering").wait_for()
