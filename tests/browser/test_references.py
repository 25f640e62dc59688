"""The references of the API and of the events: drawn by us alone, and found by a search."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from shared.contracts.routes import EVENTS
from tests.browser.conftest import TIMEOUT_MILLISECONDS
from tests.browser.test_access import faults


@pytest.fixture
def reader(visitor):
    """Somebody who is not signed in; everything they load is noted."""
    person = visitor()
    person.asked = []
    person.page.on("request", lambda request: person.asked.append(request.url))
    return person


def hosts(person):
    return {urlsplit(url).netloc for url in person.asked if not url.startswith("data:")}


def open_tag(page, name, *, filtered_by):
    """Filter the reference, and open a tag once it stands still: then a click is not lost."""
    tags = page.locator(".opblock-tag")
    tags.first.wait_for()
    every = tags.count()
    page.get_by_placeholder("Filter by tag").fill(filtered_by)
    expect(tags).not_to_have_count(every, timeout=TIMEOUT_MILLISECONDS)
    tag = page.locator(f"#operations-tag-{name}")
    tag.get_by_role("button").click()
    expect(tag).to_have_attribute("data-is-open", "true", timeout=TIMEOUT_MILLISECONDS)


def test_the_reference_of_the_api_shows_each_operation_and_asks_nobody_else(reader, system):
    page = reader.page
    page.goto("/docs")
    open_tag(page, "gifts", filtered_by="/v1/gifts")
    operation = page.locator(".opblock-post", has=page.locator("[data-path='/v1/gifts']"))
    operation.locator(".opblock-summary-control").click()
    expect(operation).to_contain_text("Idempotency-Key")
    reader.keep("reference")

    assert hosts(reader) == {urlsplit(system.gateway_url).netloc}


def test_a_person_finds_an_event_by_the_meaning_of_a_field(reader, system):
    page = reader.open("/events")
    every = page.locator("details.event")
    expect(every).to_have_count(len(EVENTS))

    page.get_by_label("Search").fill("sub of the viewer's token coins paid lot")
    shown = page.locator("details.event:visible")
    assert 0 < shown.count() < len(EVENTS)
    sent = page.locator("[id='gift.sent.v1']")
    expect(sent).to_be_visible()
    sent.locator("summary").click()
    expect(sent.get_by_role("table", name="Fields of gift.sent.v1")).to_contain_text("slices")
    expect(sent.locator("pre")).to_contain_text('"dev.ovation.gift.sent.v1"')
    reader.keep("events")

    assert hosts(reader) == {urlsplit(system.gateway_url).netloc}


def test_a_link_to_an_event_opens_it(reader):
    page = reader.open("/events#payout.paid")

    expect(page.locator("details[open]")).to_have_count(1)
    expect(page.get_by_role("table", name="Fields of payout.paid.v1")).to_be_visible()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_no_serious_problem_on_the_page_of_events(visitor, axe, scheme):
    page = visitor(scheme=scheme).open("/events#gift.sent")

    assert faults(page, axe) == []
