"""Pages speak the language of those who read them."""

import json
import re

import pytest

from deploy.config.environment import ROOT
from services.web.languages import DEFAULT, PROBLEM, read_languages
from services.web.main import build
from services.web.settings import Settings
from tests.clients import client_of

LANGUAGES = read_languages()
ENGLISH = LANGUAGES[DEFAULT]
OTHERS = sorted(set(LANGUAGES) - {DEFAULT})
STATIC = ROOT / "services" / "web" / "static"
PLACE = re.compile(r"\{(\w+)\}")
# The forms that a plural has (https://www.unicode.org/cldr/charts/latest/supplemental).
PLURALS = {
    "ar": {"zero", "one", "two", "few", "many", "other"},
    "de": {"one", "other"},
    "en": {"one", "other"},
    "es": {"one", "many", "other"},
    "ja": {"other"},
    "pt-BR": {"one", "many", "other"},
}


def pages():
    return client_of(build(Settings(port=1)))


async def language_of(address, **headers):
    async with pages() as anybody:
        page = await anybody.get(address, headers=headers)
    tag = re.search(r'<html lang="([^"]+)" dir="(ltr|rtl)">', page.text)
    assert page.headers["content-language"] == tag[1]
    assert page.headers["vary"] == "Accept-Encoding, Accept-Language, Cookie"
    return tag[1], tag[2]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("xx", "en"),
        ("de", "de"),
        ("de-AT,en;q=0.5", "de"),
        ("en;q=0.5,de-AT", "de"),
        ("fr, es;q=0.4, ja;q=0.8", "ja"),
        ("pt", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("ar-EG", "ar"),
        ("de;q=0, es", "es"),
        ("de;q=x, es;q=0.1", "es"),
        ("*", "en"),
        ("-,;,=" * 4000, "en"),
        (",".join(["xx"] * 20 + ["de"]), "en"),
    ],
)
async def test_a_page_has_the_language_its_reader_likes_best(accepted, language):
    direction = "rtl" if language == "ar" else "ltr"

    assert await language_of("/wallet", **{"Accept-Language": accepted}) == (language, direction)


async def test_a_language_in_the_address_is_kept_for_the_pages_after_it():
    async with pages() as anybody:
        first = await anybody.get("/wallet?language=ja", headers={"Accept-Language": "de"})
        second = await anybody.get("/", headers={"Accept-Language": "de"})

    assert '<html lang="ja"' in first.text
    assert '<html lang="ja"' in second.text
    assert "samesite=lax" in first.headers["set-cookie"].lower()
    assert "set-cookie" not in second.headers


@pytest.mark.parametrize("wanted", ["", "xx", '"><script>', "en" * 9000, "..%2f..%2fen"])
async def test_a_language_that_there_is_not_is_none(wanted):
    assert await language_of(f"/wallet?language={wanted}", **{"Accept-Language": "es"}) == (
        "es",
        "ltr",
    )


async def test_each_page_has_its_texts_in_each_language():
    async with pages() as anybody:
        for language in LANGUAGES:
            page = await anybody.get(f"/wallet?language={language}")
            address = re.search(r'id="messages" href="([^"]+)"', page.text)[1]
            module = await anybody.get(address)
            problems = await anybody.get(f"{address.rpartition('/')[0]}/problems.{language}.js")

            assert (module.status_code, problems.status_code) == (200, 200)
            assert module.headers["content-type"].startswith("text/javascript")
            assert "immutable" in module.headers["cache-control"]
            assert json.loads(module.text.removeprefix("export default ").strip().rstrip(";"))


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_says_all_that_english_does(language):
    said = {key for key in LANGUAGES[language] if not key.startswith(PROBLEM)}

    assert said == set(ENGLISH)


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_facts_of_its_original(language):
    for key, message in ENGLISH.items():
        said = LANGUAGES[language][key]
        assert facts_of(said) == facts_of(message), key


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_plural_has_each_form_of_its_language(language):
    for key, message in LANGUAGES[language].items():
        is_plural = isinstance(message, dict)
        assert is_plural == isinstance(ENGLISH.get(key, ""), dict), key
        if is_plural:
            assert set(message) == PLURALS[language], key


@pytest.mark.parametrize("language", OTHERS)
def test_what_people_may_be_refused_for_is_said_in_their_language(language):
    table = json.loads((ROOT / "services" / "web" / "problems.json").read_text())
    met = {
        f"{PROBLEM}{code}"
        for code, entry in table.items()
        if any("/operator/" not in operation for operation in entry["operations"])
    }

    assert met <= set(LANGUAGES[language])


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_messages_stand_in_the_order_of_their_keys(language):
    assert list(LANGUAGES[language]) == sorted(LANGUAGES[language])


def test_no_message_is_left_that_no_page_says():
    scripts = "".join(path.read_text() for path in STATIC.rglob("*.js"))
    scripts += "".join(path.read_text() for path in STATIC.parent.glob("*.py"))
    said = set(re.findall(r"""["'`]([\w.:-]+)["'`]""", scripts))

    assert [key for key in ENGLISH if key not in said and key.partition(":")[0] not in said] == []


def facts_of(message):
    forms = message.values() if isinstance(message, dict) else [message]
    return {fact for form in forms for fact in PLACE.findall(form)} - {"count"}
