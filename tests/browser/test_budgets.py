"""No page costs a phone more than its budget: what README.md's table promises."""

import pytest

from tests.browser.conftest import CREATOR, VIEWER
from tests.browser.costs import cost_of
from tests.browser.test_journeys import OPERATOR, open_room
from tests.journeys.people import stage_on

# Requests and kilobytes over the wire, of a browser that never saw the page.
BUDGETS = {
    "room": (25, 60),
    "wallet": (25, 60),
    "creator": (35, 60),
    # Everything of six services at once, for people at desks.
    "operator": (45, 80),
    "paid": (10, 30),
}


@pytest.fixture(scope="module")
def pages(system):
    """The address, the person and what a person waits for, of each page."""
    with stage_on(system) as stage:
        room = open_room(stage)
        mira, lea = stage.person("mira", **VIEWER), stage.person("lea", **CREATOR)
        stage.buy(mira, "coins_100")
        (purchase,) = mira.get("/v1/purchases")["items"]
        viewer, creator = system.token(mira.user, **VIEWER), system.token(lea.user, **CREATOR)
        yield {
            "room": (f"/rooms/{room}", viewer, "#send"),
            "wallet": ("/wallet", viewer, "main .card-body button"),
            "creator": ("/creator", creator, "main .card-body button"),
            "operator": ("/operator", system.token("olga", **OPERATOR), "main h2"),
            "paid": (f"/paid?purchase={purchase['purchase']}", viewer, "main h1"),
        }


@pytest.mark.parametrize("page", BUDGETS)
def test_a_page_costs_a_phone_no_more_than_its_budget(browser, system, pages, page):
    path, token, usable = pages[page]

    cost = cost_of(browser, system, page, path, token, usable)

    cost.keep()
    requests_max, kilobytes_max = BUDGETS[page]
    assert cost.requests <= requests_max
    assert cost.bytes <= kilobytes_max * 1_000
