"""A name is only a name: it turns round no line, and hides nothing that stands beside it."""

from uuid import uuid4

from tests.browser.conftest import CREATOR, VIEWER
from tests.journeys.people import eventually

# Orders what follows to be written from right to left: "gave 500" would read "005 evag".
TURNED = "\u202eadele"
TURNS = ("\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069")


def test_a_name_turns_round_no_amount_beside_it(visitor, stage):
    viewer, lea = stage.person(TURNED, **VIEWER), stage.person("lea", **CREATOR)
    room = f"room-{uuid4().hex[:6]}"
    stage.buy(viewer, "coins_500")
    given = stage.give(viewer, lea.user, "g_drum", room=room, message="\u202eover and out")
    assert given.status_code == 201
    eventually(lambda: viewer.get(f"/v1/rooms/{room}")["coins"] == 30)

    for user, claims, path, shown in (
        (viewer.user, VIEWER, f"/rooms/{room}", ".feed-line"),
        (lea.user, CREATOR, "/creator", ".lines > li"),
    ):
        page = visitor(user, claims=claims).open(path)
        page.locator(shown, has_text="adele").first.wait_for()
        said = page.locator("body").text_content()
        assert not [turn for turn in TURNS if turn in said], path
