"""A gift of an adopter's own: uploaded by clicking, sent by a viewer, drawn on the stage."""

import hashlib

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import VIEWER
from tests.browser.measure import measure_heap
from tests.browser.test_journeys import OPERATOR, open_room
from tests.gift.pictures import layer, lottie, picture, svg

GIFTS = 1_500
FILES = "/v1/operator/gifts/files"
FILM = ".effects .film .shown svg"
# Where the first moving group of the film is, as it is drawn.
# A film of half a second, as the browser itself makes it; in characters, for it to be handed over.
MADE = """async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
    const drawing = canvas.getContext("2d");
    const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm" });
    const pieces = [];
    recorder.ondataavailable = (event) => pieces.push(event.data);
    const done = new Promise((resolve) => { recorder.onstop = resolve; });
    recorder.start();
    for (let step = 0; step < 10; step += 1) {
        drawing.fillRect(step * 6, 20, 6, 20);
        await new Promise((next) => setTimeout(next, 50));
    }
    recorder.stop();
    await done;
    const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
    return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}"""
PLACE = f"document.querySelector('{FILM} g[transform]')?.getAttribute('transform')"


@pytest.fixture
def room(stage):
    return open_room(stage)


@pytest.fixture
def mira(stage):
    mira = stage.person("mira", **VIEWER)
    stage.buy(mira, "coins_1000")
    return mira


@pytest.fixture
def edit(visitor):
    """Open a gift in the catalogue's editor."""

    def open_editor(gift_type):
        operator = visitor("olga", claims=OPERATOR)
        page = operator.open("/operator")
        page.locator(f"#catalogue [data-gift={gift_type}]").click()
        page.locator("dialog .files").wait_for()
        return operator, page.locator("dialog")

    return open_editor


def chosen(name, content, kind="application/octet-stream"):
    return {"name": name, "mimeType": kind, "buffer": content}


def saved(dialog):
    dialog.get_by_label("Reason").fill("a gift of our own")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).not_to_be_attached()


def preview(page, gift_type):
    page.locator(f"[data-gift={gift_type}]").click()
    page.locator("#preview-gift").click()


def test_an_uploaded_lottie_gift_is_sent_and_moves_on_the_stage(visitor, stage, room, mira, edit):
    operator, dialog = edit("g_fox")
    # Longer than any other body may be.
    film = lottie(layer(ln="stage", cl="big"), meta={"d": "x" * 300_000})
    dialog.locator("[name=animation]").set_input_files(chosen("fox.json", film, "application/json"))
    expect(dialog.locator(".file-stage svg")).to_be_visible()
    dialog.locator("[name=picture]").set_input_files(chosen("fox.svg", svg(), "image/svg+xml"))
    expect(dialog.locator(".files")).to_contain_text("An uploaded picture")
    expect(dialog.locator(".files")).to_contain_text("lottie, 2 s")
    operator.keep("editor-1-uploaded")
    dialog.get_by_role("button", name="Preview").click()
    expect(dialog).to_contain_text("Animations")
    saved(dialog)

    viewer = visitor(mira.user)
    page = viewer.open(f"/rooms/{room}")
    tile = page.locator("[data-gift=g_fox]")
    expect(tile.locator("img")).to_have_attribute("src", f"/v1/catalogue/files/{digest(svg())}")
    tile.click()
    page.locator("#send").click()
    page.locator(FILM).wait_for()
    first = page.evaluate(PLACE)
    page.wait_for_function(f"before => {PLACE} !== before", arg=first)
    viewer.keep("room-uploaded-lottie")
    # What its author called it means nothing on this page.
    assert page.locator(f"{FILM} #stage, {FILM} .big").count() == 0
    # It ends, and nothing of it stays.
    expect(page.locator(".effects .film")).to_have_count(0)


def digest(content):
    return hashlib.sha256(content).hexdigest()


def test_a_film_of_any_other_format_is_shown_as_well(visitor, room, mira, edit):
    for gift_type, name, content in (
        ("g_owl", "owl.webp", picture("WEBP", count=3, size=(200, 200))),
        ("g_fox", "fox.svg", svg("<circle r='9'><animate attributeName='r' to='40'/></circle>")),
    ):
        _, dialog = edit(gift_type)
        dialog.locator("[name=animation]").set_input_files(chosen(name, content))
        expect(dialog.locator(".file-stage .shown")).to_be_visible()
        saved(dialog)

        page = visitor(mira.user).open(f"/rooms/{room}")
        preview(page, gift_type)
        page.locator(f".effects .film img[src='/v1/catalogue/files/{digest(content)}']").wait_for()


def test_a_video_is_played_without_a_sound_and_let_go_of(visitor, room, mira, edit):
    operator, dialog = edit("g_owl")
    video = operator.page.evaluate(MADE).encode("latin-1")
    dialog.locator("[name=animation]").set_input_files(chosen("owl.webm", video, "video/webm"))
    expect(dialog.locator(".file-stage video")).to_be_visible()
    saved(dialog)

    page = visitor(mira.user).open(f"/rooms/{room}")
    preview(page, "g_owl")
    page.wait_for_function(
        "() => document.querySelector('.effects .film video')?.currentTime > 0"
        " && document.querySelector('.effects .film video').muted"
    )
    expect(page.locator(".effects .film")).to_have_count(0)


def test_a_dangerous_file_is_refused_with_what_is_wrong_with_it(edit):
    operator, dialog = edit("g_tea")
    for content, said in (
        (svg("<script>alert(1)</script>"), "script"),
        (lottie(layer(ks={"r": {"k": 0, "x": "alert(1)"}})), "expression"),
        (b"<!doctype html><html></html>", "xml"),
    ):
        dialog.locator("[name=animation]").set_input_files(chosen("gift.json", content))
        expect(dialog.get_by_role("alert")).to_contain_text(said)
    expect(dialog.locator(".files")).to_contain_text("No animation")
    operator.keep("editor-2-refused")


@pytest.mark.parametrize("broken", ["gone", "undrawable"])
def test_a_film_that_cannot_be_fetched_or_drawn_leaves_the_picture(visitor, room, mira, broken):
    person = visitor(mira.user)
    film = {"format": "lottie", "url": f"/v1/catalogue/files/{'0' * 64}", "duration_ms": 2_000}

    def change(route):
        answer = route.fetch()
        found = answer.json()
        for gift in found["items"]:
            if gift["gift_type"] == "g_fox":
                gift["animations"] = [film]
        route.fulfill(response=answer, json=found)

    person.page.route("**/v1/catalogue?*", change)
    if broken == "undrawable":
        half = lottie()[:-9].decode()
        person.page.route(
            "**/v1/catalogue/files/*", lambda route: route.fulfill(body=half, status=200)
        )
    page = person.open(f"/rooms/{room}")
    preview(page, "g_fox")

    page.locator(".effects .big-gift img").wait_for()


def test_the_player_and_the_scenes_are_fetched_with_the_first_gift_that_needs_them(
    visitor, room, mira
):
    person = visitor(mira.user)
    asked = []
    person.page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page = person.open(f"/rooms/{room}")
    page.locator("#send").wait_for()
    later = {"lottie.js", "lottie_player.js", "scenes.js", "scenes.css"}
    assert not later & set(asked)

    preview(page, "g_loco")
    page.locator(".effects .scene.g_loco").wait_for()

    assert later & set(asked) == {"scenes.js", "scenes.css"}


def test_a_room_holds_no_more_after_many_gifts_than_after_a_few(visitor, room, mira):
    before, after = measure_heap(visitor(mira.user), room, GIFTS)

    print(f"{before}\n{after}")
    assert after.nodes <= before.nodes + 300
    assert after.listeners <= before.listeners + 30
    assert after.heap_bytes <= before.heap_bytes + 1_000_000
