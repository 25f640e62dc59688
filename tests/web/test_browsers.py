"""The pages ask no more of a browser than the README names, and encode every name."""

import re

import pytest

from deploy.config.environment import ROOT
from services.web.pages import STATIC

OLDEST = ("Chrome and Edge 100", "Firefox 105", "Safari 15.4")
# What came later, or is there over HTTPS only: such a page is opened over plain HTTP in a LAN.
YOUNG_IN_SCRIPTS = (
    r"crypto\.(randomUUID|subtle)",
    r"AbortSignal\.(any|timeout)",
    r"\b(Object|Map)\.groupBy",
    r"\.to(Sorted|Reversed|Spliced)\(|\.isWellFormed\(|\.toWellFormed\(",
    r"Promise\.(withResolvers|try)|Array\.fromAsync|RegExp\.escape|URL\.(canParse|parse)\(",
    r"\.(union|intersection|difference|symmetricDifference|isSubsetOf|isSupersetOf)\(",
    r"navigator\.(clipboard|serviceWorker|share|wakeLock|userActivation)",
    r"requestIdleCallback|startViewTransition|showPopover|togglePopover|checkVisibility",
    r"\.requestSubmit\(|scheduler\.|cookieStore|CompressionStream|ReadableStream\.from",
    r"Intl\.(Segmenter|DurationFormat)|\bTemporal\.|\bIterator\.",
    r"\(\?<[=!]",  # looking behind, in a regular expression
    r"\bstatic \{|\bawait using\b",
    r"\binert\b|attachInternals|adoptedStyleSheets|replaceSync|OffscreenCanvas",
    r"locks\.query",  # Firefox refuses it to frames of other sites
    r"\binert\b|attachInternals|adoptedStyleSheets|replaceSync|OffscreenCanvas",
    r"locks\.query",  # Firefox refuses it to frames of other sites
)
YOUNG_IN_STYLES = (
    r"light-dark\(|color-mix\(|oklch\(|oklab\(|\blch\(",
    r":has\(|@container|@scope|@starting-style|@property|subgrid|anchor\(|field-sizing",
    r"(?<![-\w])(translate|rotate|scale): |:dir\(|float: inline|\blinear\(",
    r"text-wrap|\bcq[wihb]\b|\d(svh|lvh|dvw|svw|lvw)\b|\(width [<>]|overflow: clip",
    r"(?<!-)backdrop-filter|(?<!-)mask(-image)?: ",
)
# The browser's own height, without the bars that come and go; each stands after one in vh.
WITHOUT_FALLBACK = re.compile(r"(?<![-\w])(?P<name>[\w-]+): (?P<before>[^;{}]*?)dvh")


def scripts():
    return sorted(str(path.relative_to(STATIC)) for path in STATIC.rglob("*.js"))


def styles():
    return sorted(path.name for path in STATIC.glob("*.css"))


def used(patterns, name):
    text = (STATIC / name).read_text()
    return [found[0] for pattern in patterns for found in re.finditer(pattern, text)]


@pytest.mark.parametrize("name", scripts())
def test_a_script_uses_nothing_younger_than_the_oldest_browser(name):
    assert used(YOUNG_IN_SCRIPTS, name) == []


@pytest.mark.parametrize("name", styles())
def test_a_style_uses_nothing_younger_than_the_oldest_browser(name):
    assert used(YOUNG_IN_STYLES, name) == []


@pytest.mark.parametrize("name", styles())
def test_heights_of_the_dynamic_viewport_come_after_one_that_all_browsers_know(name):
    text = (STATIC / name).read_text()
    for found in WITHOUT_FALLBACK.finditer(text):
        older = f"{found['name']}: {found['before']}vh"
        assert text[: found.start()].rstrip().endswith(";"), found[0]
        assert older in text[: found.start()].rsplit("{", 1)[-1], found[0]


def test_the_readme_names_the_oldest_browsers():
    text = " ".join((ROOT / "README.md").read_text().split())
    assert all(name in text for name in OLDEST)


@pytest.mark.parametrize("name", scripts())
def test_what_has_a_name_of_somebody_in_it_is_encoded_in_every_address(name):
    """A room or person whose name has a slash would otherwise be another address."""
    text = (STATIC / name).read_text()
    for address in re.findall(r"(?<!path)`((?:/v1|/rooms)/[^`]*)`", text):
        # An optional query is added as a whole.
        for part in re.findall(r"\$\{([^}]*)\}", address.removesuffix("${query}")):
            assert part.startswith("encodeURIComponent("), f"{name}: {address}"
    assert not re.search(r"""["']/v1/[^"']*["'] \+""", text)
