"""Pages speak one language: no text of theirs stands in code, and none is left in English."""

import json
import re

import pytest

from services.web.languages import read_languages
from services.web.problems import TABLE
from tests.browser.conftest import VIEWER
from tests.browser.test_access import PAGES, finished, people_of

# Written this way a message is seen to be one: with letters that stand on no page otherwise.
WIDE = {code: chr(code + 0xFEE0) for code in range(0x21, 0x7F)}
PLACE = re.compile(r"(\{\w+\})")
# What is seen that no message is: names, dates and money are another matter.
WORDS = re.compile(r"[a-z]{3,}", re.IGNORECASE)
DATES = WORDS.findall(
    "january february march april may june july august september october november december"
    " jan feb mar apr jun jul aug sep oct nov dec ago yesterday today tomorrow now"
    " second seconds minute minutes hour hours day days week weeks month months"
)
# Names: of the product, of languages by themselves, and codes that operators compare.
NAMES = {
    "csv",
    "pdf",
    "skip",
    "the",
    "content",
    "ovation",
    "english",
    "deutsch",
    "español",
    "português",
    "brasil",
    "usd",
    "eur",
}
# In English the API's own titles tell what was refused.
TITLES = {
    meaning for entry in json.loads(TABLE.read_text()).values() for meaning in entry["meanings"]
}
# The console shows what all operators before did and wrote: of it only what is there without them.
PARTS = {"operator": "h1, h2, h3, nav *, legend, label, summary, th"}
SHOWN = """
    (parts) => [...document.querySelectorAll(parts)]
        .filter((element) => element.checkVisibility())
        .flatMap((element) => [
            ...[...element.childNodes]
                .filter((node) => node.nodeType === Node.TEXT_NODE)
                .map((node) => node.data),
            ...["aria-label", "title", "placeholder", "alt"]
                .map((name) => element.getAttribute(name) ?? ""),
        ])
"""


def wide(message):
    if isinstance(message, dict):
        return {form: wide(text) for form, text in message.items()}
    parts = PLACE.split(message)
    return "".join(part if PLACE.fullmatch(part) else part.translate(WIDE) for part in parts)


def speak_wide(context):
    """Write each message of English with wide letters."""
    module = f"export default {json.dumps({k: wide(v) for k, v in read_languages()['en'].items()})}"
    context.route(
        re.compile(r"/static/\w+/\w+\.en\.js$"),
        lambda route: route.fulfill(body=module, content_type="text/javascript"),
    )


def data_of(stage, people, room):
    """The words that people and the operator wrote, in small letters."""
    gifts = stage.person("mira", **VIEWER).get("/v1/catalogue")["items"]
    written = [*people.values(), room, "Late songs", json.dumps(gifts)]
    return {word.lower() for text in written for word in WORDS.findall(text)}


@pytest.mark.parametrize("name", PAGES)
def test_every_text_of_a_page_is_a_message_of_its_language(visitor, stage, name):
    people, room = people_of(stage)
    path, claims = PAGES[name]
    known = data_of(stage, people, room) | {*DATES} | NAMES
    person = visitor(people[claims["roles"][0]], claims=claims)
    speak_wide(person.context)

    page = person.open(path.format(room=room))
    finished(page)

    texts = {text.strip() for text in page.evaluate(SHOWN, PARTS.get(name, "body *"))}
    foreign = {text for text in texts - TITLES if {w.lower() for w in WORDS.findall(text)} - known}
    assert foreign == set()
