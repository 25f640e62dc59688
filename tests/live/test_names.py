"""What a stranger calls themselves is one short line that stays in its place."""

import pytest

from services.live.domain.profiles import NAME_CHARACTERS_MAX, clean_name, clean_picture

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
FLAG = "\U0001f1e9\U0001f1ea"


@pytest.mark.parametrize(
    "name",
    [
        "Mira Sol",
        "Zoë",
        "李小龙",
        "محمد بن سلمان",
        "עדי",
        "やまだ",
        "O'Brien",
        f"{FAMILY} us",
        "می‌خواهم",
    ],
)
def test_a_name_of_any_script_stays_as_it_is(name):
    assert clean_name(name) == name


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("  Mira \t\n Sol ", "Mira Sol"),
        ("Mira\x00\x1b[31mSol", "Mira[31mSol"),
        ("\u202eariM\u202c", "ariM"),
        ("Mira\u2066\u2069\u200e\u200f\u061c", "Mira"),
        ("M\u00adi\u200br\ufeffa", "Mira"),
        ("Mira\u2028Sol", "Mira Sol"),
        ("Mira\U000e0041", "Mira"),
        ("Zoe\u0308", "Zoë"),
        ("\ud800Mira", "Mira"),
    ],
)
def test_what_cannot_be_seen_or_turns_a_line_is_left_out(said, name):
    assert clean_name(said) == name


@pytest.mark.parametrize("said", [None, "", "   ", "\u200d\u200c", "\u202e", "\u3164", "\u0301"])
def test_nothing_that_can_be_seen_is_no_name(said):
    assert clean_name(said) is None


def test_accents_without_an_end_do_not_climb_out_of_a_line():
    assert len(clean_name("a" + "\u0301" * 500)) <= 4


def test_a_long_name_is_cut():
    assert clean_name("x" * 100_000) == "x" * NAME_CHARACTERS_MAX


@pytest.mark.parametrize("last", [FAMILY, FLAG, "e\u0323\u0302", "\U0001f44b\U0001f3fd", "क्षि"])
@pytest.mark.parametrize("before", range(NAME_CHARACTERS_MAX - 6, NAME_CHARACTERS_MAX + 1))
def test_a_name_is_cut_between_characters_and_not_inside_of_one(last, before):
    name = clean_name("x" * before + last + "y" * 40)
    kept = name.lstrip("x").rstrip("y")
    assert len(name) <= NAME_CHARACTERS_MAX
    assert kept in ("", clean_name(last))


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example/a.webp?size=2&x=%20",
        "https://cdn.example:8443/a",
        "http://localhost:80/a",
    ],
)
def test_a_picture_is_an_address_of_https_or_of_this_machine(url):
    assert clean_picture(url) == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "data:image/svg+xml,<svg/>",
        "http://cdn.example/a.png",
        "//cdn.example/a.png",
        "/a.png",
        "https:///a.png",
        "https://me:secret@cdn.example/a",
        "https://cdn.example/a b",
        'https://cdn.example/"onerror=',
        "https://cdn.example/<b>",
        "https://cdn.example/\u202e",
        "https://[::1/a",
        "https://cdn.example:99999/a",
        "https://cdn.example/" + "a" * 2_048,
    ],
)
def test_any_other_picture_is_none(url):
    assert clean_picture(url) is None
