"""What a file is follows from its bytes, and whatever could do harm is refused."""

import json
import zlib
from contextlib import suppress
from random import Random

import pytest

from services.gift.domain.files import FileDamaged, FileTooLarge, FileUnknown, FileUnsafe
from services.gift.domain.formats import read_file
from shared.errors import Refusal
from tests.gift.pictures import (
    an_image,
    avif,
    box,
    embedded,
    group,
    layer,
    lottie,
    mp4,
    picture,
    shape,
    svg,
    webm,
)


@pytest.mark.parametrize(
    ("content", "known"),
    [
        (svg(), ("svg", False, 96, 64, None)),
        (svg("<animate attributeName='r' to='4'/>"), ("svg", True, 96, 64, None)),
        (svg("<style>g{animation:turn 1s}</style>"), ("svg", True, 96, 64, None)),
        (picture("PNG"), ("png", False, 32, 24, None)),
        (picture("PNG", count=3), ("apng", True, 32, 24, 300)),
        (picture("WEBP"), ("webp", False, 32, 24, None)),
        (picture("WEBP", count=3), ("webp", True, 32, 24, 300)),
        (picture("GIF"), ("gif", False, 32, 24, None)),
        (picture("GIF", count=3), ("gif", True, 32, 24, 300)),
        (avif(), ("avif", False, 64, 48, None)),
        (mp4(), ("mp4", True, None, None, None)),
        (webm(), ("webm", True, None, None, None)),
        (lottie(), ("lottie", True, 200, 200, 2_000)),
        (b"\xef\xbb\xbf\n" + lottie(), ("lottie", True, 200, 200, 2_000)),
    ],
)
def test_a_file_is_known_by_its_bytes(content, known):
    facts = read_file(content)

    assert (
        facts.format,
        facts.is_moving,
        facts.width,
        facts.height,
        facts.duration_ms,
    ) == known


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<",
        b"GIF",
        b"hello",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"\xff\xd8\xff\xe0JFIF",
        b"\x1f\x8b\x08compressed drawing",
        webm(b"matroska"),
        mp4(b"qt  "),
        b"[1]",
        b'{"name": "no animation"}',
    ],
)
def test_a_file_of_another_format_is_refused(content):
    with pytest.raises((FileUnknown, FileDamaged)):
        read_file(content)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_picture_that_ends_too_early_or_too_late_is_refused(kind, count):
    whole = picture(kind, count=count)

    for part in range(12, len(whole), max(1, len(whole) // 40)):
        with pytest.raises((FileDamaged, FileUnknown)):
            read_file(whole[:part])
    with pytest.raises((FileDamaged, FileUnknown)):
        read_file(whole + b"<script>alert(1)</script>")


@pytest.mark.parametrize("content", [mp4(), avif()])
def test_a_film_that_is_cut_off_is_refused(content):
    for part in range(8, len(content)):
        with pytest.raises((FileDamaged, FileUnknown)):
            read_file(content[:part])


def test_a_picture_with_a_changed_byte_is_refused():
    whole = bytearray(picture("PNG"))
    whole[40] ^= 1

    with pytest.raises(FileDamaged):
        read_file(bytes(whole))


UNSAFE = {
    "script": "<script>alert(1)</script>",
    "script by address": "<script href='/x.js'/>",
    "script of another name": "<s:script xmlns:s='http://www.w3.org/2000/svg'>1</s:script>",
    "event": "<circle onclick='alert(1)'/>",
    "event in capitals": "<circle ONLOAD='alert(1)'/>",
    "event of another space": "<circle xmlns:e='urn:e' e:onload='alert(1)'/>",
    "event as an element": "<handler xmlns:ev='urn:ev' ev:event='load'>alert(1)</handler>",
    "page": "<foreignObject><b xmlns='http://www.w3.org/1999/xhtml'>x</b></foreignObject>",
    "element of a page": "<iframe xmlns='http://www.w3.org/1999/xhtml' src='/'/>",
    "link": "<a href='javascript:alert(1)'><circle r='4'/></a>",
    "picture from elsewhere": "<image href='https://evil.example/x.png'/>",
    "picture of this origin": "<image href='/v1/me'/>",
    "drawing in a drawing": "<image href='data:image/svg+xml;base64,PHN2Zz4='/>",
    "page in a picture": "<image href='data:text/html;base64,PHN2Zz4='/>",
    "drawing from elsewhere": "<use href='https://evil.example/x.svg#a'/>",
    "old address": "<use xmlns:x='http://www.w3.org/1999/xlink' x:href='//evil.example/#a'/>",
    "filter that fetches": "<filter id='f'><feImage href='https://evil.example/x'/></filter>",
    "fill from elsewhere": "<rect fill='url(https://evil.example/x.svg#a)'/>",
    "style that fetches": "<rect style='fill:url(//evil.example/x)'/>",
    "style in quotes": "<rect style='fill: URL( &quot;//evil.example/x&quot; )'/>",
    "style with escapes": "<rect style='fill:\\75rl(//evil.example/x)'/>",
    "sheet that imports": "<style>@import '//evil.example/x.css';</style>",
    "sheet with a font": "<style>@font-face{font-family:x;src:url(//evil.example/x)}</style>",
    "sheet around an element": "<style><desc/>@import '//evil.example/x.css';</style>",
    "address around an element": "<style>g{fill:ur<g/>l(//evil.example/x)}</style>",
    "address that is moved, with a space": "<set attributeName=' href' to='javascript:1'/>",
    "sheet in pieces": "<style>@imp<![CDATA[ort '//evil.example/x.css';]]></style>",
    "address that is moved": "<a2/><set attributeName='href' to='javascript:alert(1)'/>",
    "event that is moved": "<set attributeName='onclick' to='alert(1)'/>",
    "base": "<g xml:base='https://evil.example/'/>",
    "unknown element": "<canvas/>",
    "outer element inside": "<svg/>",
    "sheet by instruction": "<?xml-stylesheet href='//evil.example/x.css'?>",
    "loop": "<g id='a'><use href='#b'/></g><g id='b'><use href='#a'/></g>",
    "itself": "<g id='a'><use href='#a'/></g>",
    "pattern of itself": "<pattern id='p'><rect fill='url(#p)'/></pattern>",
}


@pytest.mark.parametrize("inside", UNSAFE.values(), ids=UNSAFE)
def test_a_drawing_with_something_dangerous_in_it_is_refused(inside):
    with pytest.raises(FileUnsafe):
        read_file(svg(inside))


@pytest.mark.parametrize(
    "before",
    [
        "<!DOCTYPE svg>",
        "<!DOCTYPE svg SYSTEM 'https://evil.example/x.dtd'>",
        "<!DOCTYPE svg [<!ENTITY a 'aaa'><!ENTITY b '&a;&a;'>]>",
        "<!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>",
        "<?xml version='1.0'?><?xml-stylesheet href='//evil.example/x.css'?>",
        *(
            f"<?xml version='1.0' encoding='{name}'?>"
            for name in ("none", "utf-7", "utf-16", "shift_jis", "undefined", "unicode_escape")
        ),
    ],
)
def test_a_drawing_with_entities_or_instructions_is_refused(before):
    with pytest.raises(FileUnsafe):
        read_file(svg(before=before))


@pytest.mark.parametrize(
    "content",
    [svg()[:-3], svg("<g>"), svg("&nope;"), b"<svg/>x", b"<svg", svg("\x00"), b"<p>no drawing</p>"],
)
def test_a_text_that_is_no_drawing_is_refused(content):
    with pytest.raises((FileDamaged, FileUnsafe)):
        read_file(content)


def test_what_drawing_programs_write_is_taken():
    inside = f"""
        <title>Lantern</title><defs><linearGradient id='a'><stop offset='0'/></linearGradient>
        <linearGradient id='b' xlink:href='#a'/><clipPath id='c'><use xlink:href='#d'/></clipPath>
        </defs><style>.x {{ fill: url(#b); animation: turn 2s }}
        @keyframes turn {{ to {{ opacity: 0 }} }}
        </style><g clip-path='url( "#c" )' inkscape:label='Layer 1' data-name='x'>
        <path id='d' class='x' d='M0 0h4'><animate xlink:href='#d' attributeName='opacity' to='0'/>
        </path></g><image href='{embedded()}'/>"""
    spaces = "xmlns:xlink='http://www.w3.org/1999/xlink' xmlns:inkscape='http://i.example/'"

    facts = read_file(svg(inside, before="<?xml version='1.0'?>\n", attributes=spaces))

    assert (facts.format, facts.is_moving) == ("svg", True)


def tenfold(i):
    return f"<g id='p{i + 1}'>" + f"<use href='#p{i}'/>" * 10 + "</g>"


def patterned(i):
    return f"<pattern id='p{i + 1}'>" + f"<rect fill='url(#p{i})'/>" * 10 + "</pattern>"


def overshooting(number):
    """A moving number whose curve leaves the way to the next one."""
    return {"t": 0, "s": [number], "i": {"x": [1], "y": [1e6]}, "o": {"x": [0], "y": [0]}}


TOO_LARGE = {
    "deep": svg("<g>" * 100 + "</g>" * 100),
    "many": svg("<g/>" * 10_001),
    "shown again and again": svg("<path id='p0'/>" + "".join(map(tenfold, range(9)))),
    "patterns of patterns": svg("".join(map(patterned, range(9)))),
    "wide": svg(attributes="width='5000' height='5'"),
    "wide picture": picture("PNG", size=(5_000, 2)),
    "long": lottie(op=100_000),
    "many layers": lottie(*[layer()] * 501),
    "deep animation": lottie(nested=json.loads("[" * 60 + "]" * 60)),
    "deeper than Python": b'{"layers":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "many copies": lottie(layer(shape(), {"ty": "rp", "c": {"a": 0, "k": 1e9}})),
    "no end of copies": lottie(layer(shape(), {"ty": "rp", "c": {"a": 0, "k": 1}})).replace(
        b'"k": 1}', b'"k": 1e999}'
    ),
    "copies that become many": lottie(
        layer(shape(), {"ty": "rp", "c": {"a": 1, "k": [{"t": 0, "s": [1]}, {"t": 9, "s": [999]}]}})
    ),
    "copies of copies": lottie(
        layer(
            group(
                group(shape(), {"ty": "rp", "c": {"a": 0, "k": 90}}),
                {"ty": "rp", "c": {"a": 0, "k": 90}},
            )
        )
    ),
    "copies beyond a curve": lottie(
        layer(shape(), {"ty": "rp", "c": {"a": 1, "k": [overshooting(1), {"t": 9, "s": [2]}]}})
    ),
    "star of no end": lottie(layer({"ty": "sr", "pt": {"a": 0, "k": 1e9}})),
    "many stars": lottie(layer(*[{"ty": "sr", "pt": {"a": 0, "k": 999}}] * 50)),
    "line of no end of teeth": lottie(layer(shape(), {"ty": "zz", "r": {"a": 0, "k": 1e9}})),
    "gradient of no end of stops": lottie(layer({"ty": "gf", "g": {"p": 1e9, "k": {"k": []}}})),
    "compositions of compositions": lottie(
        layer(kind=0, refId="c9"),
        assets=[{"id": "c0", "layers": [layer()]}]
        + [
            {"id": f"c{i + 1}", "layers": [layer(kind=0, refId=f"c{i}", shapes=[])] * 10}
            for i in range(9)
        ],
    ),
}


@pytest.mark.parametrize("content", TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_file_that_would_take_too_long_to_draw_is_refused(content):
    with pytest.raises(FileTooLarge):
        read_file(content)


UNSAFE_ANIMATIONS = {
    "expression": lottie(layer(ks={"r": {"a": 0, "k": 0, "x": "while(true){}"}})),
    "expression in a composition": lottie(
        assets=[{"id": "c", "layers": [layer(ks={"o": {"k": 1, "x": "alert(1)"}})]}]
    ),
    "picture from elsewhere": lottie(assets=[{"id": "i", "u": "https://evil.example/", "p": "x"}]),
    "picture of this origin": lottie(assets=[{"id": "i", "u": "/v1/", "p": "me", "e": 0}]),
    "picture with a folder": lottie(
        assets=[{"id": "i", "u": "//evil.example/", "p": "data:image/png;base64,AA==", "e": 1}]
    ),
    "picture that is a composition too": lottie(
        layer(kind=2, refId="i"),
        assets=[{"id": "i", "layers": [], "u": "https://evil.example/", "p": "x", "e": 0}],
    ),
    "number of copies in a slot": lottie(
        layer(shape(), {"ty": "rp", "c": {"sid": "n"}}), slots={"n": {"p": {"a": 0, "k": 10**6}}}
    ),
    "drawing in an animation": lottie(
        assets=[{"id": "i", "u": "", "p": "data:image/svg+xml;base64,AA==", "e": 1}]
    ),
    "font from elsewhere": lottie(
        fonts={"list": [{"fName": "x", "fPath": "https://evil.example/x.css", "origin": 1}]}
    ),
    "text": lottie(layer(kind=5)),
    "sound": lottie(layer(kind=6)),
    "layer of no kind": lottie(layer(kind=None)),
    "layer of many kinds": lottie(layer(kind=[4])),
    "half a character": lottie(assets=[{"id": "i", "u": "\ud800", "p": "x"}]),
    "loop": lottie(
        layer(kind=0, refId="a"), assets=[{"id": "a", "layers": [layer(kind=0, refId="a")]}]
    ),
}


@pytest.mark.parametrize("content", UNSAFE_ANIMATIONS.values(), ids=UNSAFE_ANIMATIONS)
def test_an_animation_with_something_dangerous_in_it_is_refused(content):
    with pytest.raises(FileUnsafe) as refused:
        read_file(content)
    # It can be written into an answer.
    assert all(str(fact).encode() for fact in refused.value.facts.values())


@pytest.mark.parametrize(
    "content",
    [
        lottie(op=0),
        lottie(fr=0),
        lottie(fr=True),
        lottie(w="200"),
        lottie(w=10**400),
        lottie(w=float("nan")),
        lottie(w=0),
        lottie(layers=[1]),
        lottie(fonts=[1]),
        lottie(layer(shape(), {"ty": "rp", "c": {"a": 0, "k": "9e9"}})),
        lottie(fonts="x"),
        lottie(assets=[{"id": "c", "layers": [layer(kind=5)]}, {"id": "c", "layers": []}]),
        b'{"layers": [{"ty": 5}], ' + lottie()[1:],
        lottie(assets={"a": 1}),
        lottie(layer(shapes={"it": []})),
        lottie()[:-4],
        lottie() + b"x",
        b'{"layers": []}',
        b"{\xff}",
        "{}".encode("utf-16"),
    ],
)
def test_an_animation_that_is_not_whole_is_refused(content):
    with pytest.raises((FileDamaged, FileUnknown)):
        read_file(content)


def test_an_animation_of_stars_teeth_and_gradients_is_taken():
    ease = {"i": {"x": [0.6], "y": [1]}, "o": {"x": 0.3, "y": 0}}
    moving = {"a": 1, "k": [{"t": 0, "s": [3], "e": [8], **ease}, {"t": 30, "s": [8]}]}
    shapes = [
        {"ty": "sr", "sy": 1, "pt": moving},
        {"ty": "zz", "r": {"a": 0, "k": 5}},
        {"ty": "rp", "c": moving},
        {"ty": "gf", "g": {"p": 3, "k": {"a": 0, "k": [0, 1, 1, 1]}}},
    ]

    assert read_file(lottie(layer(*shapes))).format == "lottie"


def test_an_animation_with_a_picture_in_it_is_taken():
    assets = [an_image(embedded(kind), f"i{kind}") for kind in ("PNG", "JPEG", "WEBP")]

    assert read_file(lottie(layer(kind=2, refId="iPNG"), assets=assets)).format == "lottie"


BOMBS = {
    "wide": embedded(size=(5_000, 2)),
    "high photograph": embedded("JPEG", size=(2, 5_000)),
    "no picture": "data:image/png;base64,AAAA",
    "half a picture": embedded()[:-24],
    "half a photograph": "data:image/jpeg;base64,/9j/4AAQ",
    "no base64": "data:image/png;base64,A",
}


@pytest.mark.parametrize("address", BOMBS.values(), ids=BOMBS)
def test_a_picture_in_a_file_is_looked_at_as_one_of_its_own(address):
    for content in (svg(f"<image href='{address}'/>"), lottie(assets=[an_image(address)])):
        with pytest.raises((FileTooLarge, FileUnknown, FileDamaged)):
            read_file(content)


def test_pictures_in_a_file_have_so_many_pixels_together():
    large = embedded(size=(4_000, 4_000))

    read_file(svg(f"<image href='{large}'/>"))
    with pytest.raises(FileTooLarge):
        read_file(svg(f"<image href='{large}'/>" * 2))
    with pytest.raises(FileTooLarge):
        read_file(lottie(assets=[an_image(large, "a"), an_image(large, "b")]))


def test_a_frame_that_is_larger_than_its_picture_counts():
    whole = bytearray(picture("GIF", size=(5_000, 2)))
    whole[6:8] = (4).to_bytes(2, "little")

    with pytest.raises(FileTooLarge):
        read_file(bytes(whole))


def test_a_picture_of_many_frames_is_refused():
    control = box(b"fcTL", bytes(26))
    chunk = control + zlib.crc32(control[4:]).to_bytes(4, "big")
    # A box counts itself, and a chunk does not.
    chunk = (26).to_bytes(4, "big") + chunk[4:]
    still = picture("PNG")

    with pytest.raises(FileTooLarge):
        read_file(still[:33] + chunk * 1_001 + still[33:])


def test_changed_and_cut_files_are_taken_or_refused_and_never_fail():
    chance = Random(7)
    wholes = [svg(), lottie(), webm(), mp4(), avif()]
    wholes += [picture(kind, count=n) for kind in ("PNG", "WEBP", "GIF") for n in (1, 3)]
    for whole in wholes:
        for _ in range(300):
            changed = bytearray(whole[: chance.randint(1, len(whole))])
            for _ in range(chance.randint(1, 4)):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            with suppress(Refusal):
                read_file(bytes(changed))
