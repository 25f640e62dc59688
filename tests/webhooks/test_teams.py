"""Operators list the teams that get events by webhook, and see whose endpoints fail."""

import pytest

from deploy.config.databases import run_sql
from shared.postgres.statements import text
from tests.clients import a_token, an_operator_token, client_of
from tests.webhooks.conftest import ENDPOINTS_PATH, URL, WISH, key

PATH = "/v1/operator/webhooks/teams"


@pytest.fixture
async def operator(app):
    async with client_of(app, an_operator_token("webhooks:read")) as client:
        yield client


async def test_a_team_is_listed_with_its_endpoints_and_how_they_stand(charts, operator, database):
    for number in range(4):
        wish = {**WISH, "url": f"{URL}{number}"}
        made = (await charts.post(ENDPOINTS_PATH, json=wish, headers=key())).json()
        if number == 0:
            await charts.delete(f"{ENDPOINTS_PATH}/{made['endpoint']}")
        if number == 1:
            await charts.patch(f"{ENDPOINTS_PATH}/{made['endpoint']}", json={"enabled": False})
        if number == 2:
            async with database.transaction() as tx:
                failed = "UPDATE endpoints SET failures = 3 WHERE id = CAST(:id AS uuid)"
                await tx.execute(text(failed), {"id": made["endpoint"]})

    (team,) = (await operator.get(PATH)).json()["items"]

    assert team == {"team": "charts", "events": 2, "endpoints": 3, "failing": 1, "disabled": 1}


async def test_a_team_without_endpoints_and_one_without_grants_are_listed_too(
    charts, operator, database, postgres
):
    await charts.post(ENDPOINTS_PATH, json=WISH, headers=key())
    run_sql(
        postgres.dsn(database.name),
        [
            "INSERT INTO grants (team, event) VALUES ('alerts', 'gift.sent')",
            "DELETE FROM grants WHERE team = 'charts'",
        ],
    )

    found = (await operator.get(PATH)).json()["items"]

    assert [(each["team"], each["events"], each["endpoints"]) for each in found] == [
        ("alerts", 1, 0),
        ("charts", 0, 1),
    ]


async def test_teams_come_by_name_a_page_at_a_time(operator, database, postgres):
    names = [f"team-{number:02}" for number in range(5)]
    rows = ", ".join(f"('{name}', 'gift.sent')" for name in reversed(names))
    run_sql(
        postgres.dsn(database.name),
        ["DELETE FROM grants", f"INSERT INTO grants (team, event) VALUES {rows}"],
    )
    found, cursor = [], None
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await operator.get(PATH, params=query)).json()
        found += [each["team"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert found == names
    wrong = await operator.get(PATH, params={"cursor": "WzFd"})
    assert wrong.json()["code"] == "bad-cursor"


async def test_teams_themselves_and_operators_without_the_scope_may_not_list_teams(app, charts):
    async with client_of(app, a_token("ben", roles=["operator"], scope="books:read")) as other:
        assert (await other.get(PATH)).status_code == 403
    assert (await charts.get(PATH)).status_code == 403
