"""A person reads on the page all that is known of them, and is erased."""

import json
from pathlib import Path
from uuid import uuid4

from playwright.sync_api import expect

from tests.browser.conftest import TIMEOUT_MILLISECONDS, VIEWER
from tests.browser.test_access import faults, finished
from tests.browser.test_journeys import open_room

SERVICES = {"purchase", "wallet", "payout", "gift", "live"}


def ask_to_be_erased(page, *, forfeit):
    page.get_by_role("button", name="Erase me …").click()
    page.get_by_label("I give up my remaining coins and diamonds").set_checked(forfeit)
    page.get_by_role("button", name="Erase me for good").click()
    page.get_by_role("dialog").wait_for(state="detached")


def test_a_viewer_saves_all_that_is_known_and_is_erased_once_nothing_is_left(visitor, stage, axe):
    room, viewer = open_room(stage), stage.person("mira", **VIEWER)
    hello = f"hello {uuid4().hex[:8]}"
    stage.buy(viewer, "coins_100")
    creator = viewer.get(f"/v1/rooms/{room}")["creator"]
    stage.give(viewer, creator, "g_tea", room=room, message=hello)
    person = visitor(viewer.user)
    page = person.open("/wallet")
    finished(page)
    card = page.locator("#privacy")
    person.keep("privacy-1-your-data", whole=True)
    found = {"card": faults(page, axe)}

    saved = []

    def save(download):
        saved.append(download)

    page.on("download", save)
    card.get_by_role("button", name="Download my data").click()
    for _ in range(100):
        if len(saved) == len(SERVICES):
            break
        page.wait_for_timeout(100)
    files = {each.suggested_filename: Path(each.path()).read_text() for each in saved}
    assert set(files) == {f"{service}.jsonl" for service in SERVICES}
    for text in files.values():
        assert all(isinstance(json.loads(line), dict) for line in text.splitlines())
    assert hello in files["gift.jsonl"]

    # What was bought is theirs: they are told what is left, and say that they give it up.
    ask_to_be_erased(page, forfeit=False)
    card.get_by_text("Not yet: something has to end first").wait_for()
    expect(card.get_by_role("listitem").filter(has_text="Coins are left")).to_have_count(1)
    page.get_by_role("button", name="Erase me …").click()
    found["dialog"] = faults(page, axe)
    page.keyboard.press("Escape")
    ask_to_be_erased(page, forfeit=True)
    expect(card.get_by_role("status")).to_contain_text("Done", timeout=TIMEOUT_MILLISECONDS)
    expect(card.get_by_role("button", name="Erase me …")).to_have_count(0)
    expect(page.locator("#held")).to_have_text("0 coins", timeout=TIMEOUT_MILLISECONDS)
    person.keep("privacy-2-erased", whole=True)
    assert {step: faulty for step, faulty in found.items() if faulty} == {}
