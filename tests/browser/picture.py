"""
The picture of a room at the top of the README: three viewers give in a room.

`make up` in one terminal; `python -m tests.browser.picture` in another writes it anew, as
docs/pictures/room.webp. OVATION_URL is where the system runs.
"""

import io
import os
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import sync_playwright

from deploy.harness.packages import require
from tests.browser.conftest import ARGUMENTS
from tests.journeys.people import GOOD_CARD, decided, eventually

PICTURE = Path(__file__).parent.parent.parent / "docs" / "pictures" / "room.webp"
ROOM, TITLE = os.environ.get("ROOM", "late-songs"), "Songs for a late evening"
WIDTH, HEIGHT = 1280, 800
# Who gives what, in this order; the last gift is what the stage shows.
GIFTS = (
    ("yuki", "g_clover"),
    ("mira", "g_kite"),
    ("jonas", "g_fox"),
    ("yuki", "g_lantern"),
    ("jonas", "g_owl"),
    ("mira", "g_moon"),
    ("yuki", "g_balloon"),
)
SHOWN = ("jonas", "g_aurora")


def sign_in(url, name, role):
    """Return the token of a person of the practice system, and a client that has it."""
    client = httpx.Client(base_url=url, timeout=60)
    claims = {"sub": name, "roles": [role], "age_verified": 30}
    token = client.post("/issuer/token", json=claims).raise_for_status().json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    return token, client


def buy(client):
    body = {"package": "coins_5000"}
    answer = client.post(
        "/v1/purchases", json=body, headers={"Idempotency-Key": os.urandom(8).hex()}
    )
    bought = answer.raise_for_status().json()
    client.post(bought["next_action"]["url"], data={"card": GOOD_CARD})
    path = f"/v1/purchases/{bought['purchase']}"
    eventually(lambda: client.get(path).json()["state"] == "completed")


def give(client, gift_type):
    body = {"gift_type": gift_type, "creator": "lea", "room": ROOM}
    decided(lambda key: client.post("/v1/gifts", json=body, headers={"Idempotency-Key": key}))


def prepare(url):
    """Let the creator be live, and the viewers give; return who is who."""
    people = {name: sign_in(url, name, "viewer") for name in ("mira", "jonas", "yuki")}
    _, lea = sign_in(url, "lea", "creator")
    lea.put(f"/v1/rooms/{ROOM}/stream", json={"title": TITLE}).raise_for_status()
    path = f"/v1/gifts/creators/lea/rooms/{ROOM}"
    eventually(lambda: lea.put(path, json={"gifts_off": False}).status_code == 200)
    for _, client in people.values():
        buy(client)
    for name, gift_type in GIFTS:
        give(people[name][1], gift_type)
    return people


def main():
    url = os.environ.get("OVATION_URL", "http://localhost:8080")
    people = prepare(url)
    with sync_playwright() as playwright:
        program = require("chromium", "chromium")
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        context = browser.new_context(
            viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="dark", locale="en-US"
        )
        context.set_default_timeout(120_000)
        context.add_init_script(f"sessionStorage.setItem('ovation.token', '{people['mira'][0]}')")
        page = context.new_page()
        page.goto(f"{url}/rooms/{ROOM}")
        page.locator("[data-gift]").first.wait_for()
        page.locator(".feed-line").nth(len(GIFTS) - 1).wait_for()
        name, gift_type = SHOWN
        give(people[name][1], gift_type)
        page.locator(".feed-line", has_text="Aurora Curtain").first.wait_for()
        # The show on the stage is at its height then.
        page.wait_for_timeout(1_500)
        picture = Image.open(io.BytesIO(page.screenshot(timeout=120_000)))
        browser.close()
    PICTURE.parent.mkdir(exist_ok=True)
    picture.save(PICTURE, quality=82, method=6)
    print(f"{PICTURE}: {PICTURE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
