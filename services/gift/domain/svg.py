"""Drawings: what an SVG file may have in it. Everything that is not named here is refused."""

import re
from collections import defaultdict
from typing import NoReturn
from xml.parsers import expat

from services.gift.domain.embedded import EmbeddedPictures
from services.gift.domain.files import (
    FileDamaged,
    FileFacts,
    FileTooLarge,
    FileUnsafe,
    drawn,
    shown,
)

ELEMENTS_MAX = 10_000
DEPTH_MAX = 64
# With what is shown again counted each time.
SHAPES_MAX = 20_000
SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
XML = "http://www.w3.org/XML/1998/namespace"
_DRAWING = """
    svg g defs symbol use title desc switch
    path rect circle ellipse line polyline polygon text tspan textPath image
    linearGradient radialGradient stop pattern clipPath mask marker filter style
    feBlend feColorMatrix feComponentTransfer feComposite feConvolveMatrix feDiffuseLighting
    feDisplacementMap feDistantLight feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR
    feGaussianBlur feMerge feMergeNode feMorphology feOffset fePointLight feSpecularLighting
    feSpotLight feTile feTurbulence
"""
_MOVING = ("animate", "animateTransform", "animateMotion", "set")
_ELEMENTS = frozenset((*_DRAWING.split(), *_MOVING, "mpath"))
# They name what they move, or what along: nothing of it is drawn once more.
_MOVERS = frozenset((*_MOVING, "mpath", "textPath"))
# Whoever moves these turns a drawing into something else.
_UNMOVABLE = re.compile(r"(?i)(.*:)?(href|on.*|style|class|id|xmlns.*)")
_INNER = re.compile(r"\s*#[^\s#]+\s*")
_EMBEDDED = re.compile(r"\s*data:image/(png|jpeg|webp|gif);base64,[A-Za-z0-9+/=\s]*")
_ADDRESS = re.compile(r"(?i)url\s*\(\s*[\"']?\s*([^)\"']*)")
# A backslash would hide any of the words; the rest fetches something, or is of old browsers.
_UNSAFE_STYLE = re.compile(
    r"(?i)\\|@import|@namespace|@font-face|expression\s*\(|-moz-binding"
    r"|behavior\s*:|image-set|javascript:|src\s*\("
)
_LENGTH = re.compile(r"\s*(\d{1,6})(?:\.\d+)?(?:px)?\s*")
_SEPARATOR = " "


def read_svg(content: bytes) -> FileFacts:
    """Return what a drawing is, or refuse it with what is wrong."""
    reading = _Reading()
    try:
        reading.parse(content)
    except expat.ExpatError as error:
        raise FileDamaged(what="xml", line=error.lineno) from None
    drawn(reading.own, reading.shows, "", most=SHAPES_MAX)
    return FileFacts("svg", reading.is_moving, *reading.size)


def _refuse(what: str, name: str = "") -> NoReturn:
    raise FileUnsafe(what=what, **({"name": shown(name)} if name else {}))


def _check_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii"):
        _refuse("encoding", encoding)


class _Reading:
    """One pass over a file: no tree is built, no entity is known, nothing is fetched."""

    def __init__(self) -> None:
        self.own: dict[str, int] = {"": 0}
        self.shows: dict[str, list[str]] = defaultdict(list)
        self.size: tuple[int | None, int | None] = (None, None)
        self.is_moving = False
        self._elements = 0
        self._open: list[str] = []
        # The ids of the elements around, the outermost first.
        self._around: list[str] = [""]
        self._style: list[str] | None = None
        self._pictures = EmbeddedPictures()

    def parse(self, content: bytes) -> None:
        # Whatever the file says of it: every reader has to read the same.
        parser = expat.ParserCreate("utf-8", namespace_separator=_SEPARATOR)
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.buffer_text = True
        parser.XmlDeclHandler = _check_encoding
        parser.StartDoctypeDeclHandler = lambda *_: _refuse("doctype")
        parser.EntityDeclHandler = lambda *_: _refuse("entity")
        parser.ProcessingInstructionHandler = lambda *_: _refuse("processing-instruction")
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._read_text
        parser.Parse(content, True)

    def _begin(self, qualified: str, attributes: dict[str, str]) -> None:
        space, _, name = qualified.rpartition(_SEPARATOR)
        self._elements += 1
        if self._elements > ELEMENTS_MAX:
            raise FileTooLarge(what="elements", found=self._elements, max=ELEMENTS_MAX)
        if len(self._open) >= DEPTH_MAX:
            raise FileTooLarge(what="depth", found=len(self._open) + 1, max=DEPTH_MAX)
        # A browser joins the texts around an element in a sheet, and reads them as one.
        if self._style is not None:
            _refuse("element", name)
        if space != SVG or name not in _ELEMENTS or (name == "svg") != (not self._open):
            _refuse("element", name)
        self._open.append(name)
        # What is inside of something with an id is also shown where that is shown.
        self._around.append(attributes.get("id", "") or self._around[-1])
        if self._around[-1] != self._around[-2]:
            self.shows[self._around[-2]].append(self._around[-1])
            self.own.setdefault(self._around[-1], 0)
        self.own[self._around[-1]] += 1
        if name == "svg":
            self.size = (_length(attributes.get("width")), _length(attributes.get("height")))
        if name == "style":
            self._style = []
        if name in _MOVING:
            self.is_moving = True
        for attribute, value in attributes.items():
            self._check(name, attribute, value)

    def _check(self, element: str, qualified: str, value: str) -> None:
        space, _, name = qualified.rpartition(_SEPARATOR)
        if name.lower().startswith("on") or (space == XML and name == "base"):
            _refuse("attribute", name)
        if space not in ("", XLINK):
            # Of drawing programs; no browser looks at it.
            return
        if name == "href":
            self._check_address(element, value)
            return
        if name == "attributeName" and _UNMOVABLE.fullmatch(value.strip()):
            _refuse("animation", value)
        self._check_style(value)

    def _check_address(self, element: str, value: str) -> None:
        if _INNER.fullmatch(value):
            if element not in _MOVERS:
                self._show(value)
        elif element == "image" and _EMBEDDED.fullmatch(value):
            self._pictures.add(value)
        else:
            _refuse("address", value)

    def _check_style(self, text: str) -> None:
        """Look at an attribute or a style sheet: both can have addresses in them."""
        unsafe = _UNSAFE_STYLE.search(text)
        if unsafe:
            _refuse("style", unsafe[0])
        for address in _ADDRESS.findall(text):
            if not _INNER.fullmatch(address):
                _refuse("address", address)
            self._show(address)

    def _show(self, address: str) -> None:
        self.shows[self._around[-1]].append(address.strip().removeprefix("#"))

    def _read_text(self, text: str) -> None:
        if self._style is not None:
            self._style.append(text)

    def _end(self, _: str) -> None:
        self._open.pop()
        self._around.pop()
        if self._style is not None:
            sheet = "".join(self._style)
            self._style = None
            self._check_style(sheet)
            self.is_moving = self.is_moving or "animation" in sheet


def _length(text: str | None) -> int | None:
    found = _LENGTH.fullmatch(text or "")
    return int(found[1]) if found else None
