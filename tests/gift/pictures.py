"""Small files of every format that a gift can have, made here: what is in them is known."""

import base64
import io
import json
import struct

from PIL import Image

SVG = "http://www.w3.org/2000/svg"


def svg(inside="<circle r='4'/>", *, before="", attributes="width='96' height='64'"):
    return f"{before}<svg xmlns='{SVG}' {attributes}>{inside}</svg>".encode()


def frames(count, size=(32, 24)):
    return [Image.new("RGB", size, (50 * index % 256, 90, 160)) for index in range(count)]


def picture(kind, *, count=1, size=(32, 24), milliseconds=100):
    """A still picture, or with several frames a moving one."""
    first, *others = frames(count, size)
    made = io.BytesIO()
    moving = {"save_all": True, "append_images": others, "duration": milliseconds}
    first.save(made, kind, **(moving if others else {}))
    return made.getvalue()


def embedded(kind="PNG", **more):
    """A picture as a data: address."""
    content = base64.b64encode(picture(kind, **more)).decode()
    return f"data:image/{kind.lower()};base64,{content}"


def an_image(address, identifier="i"):
    """An asset of an animation that is a picture."""
    return {"id": identifier, "w": 32, "h": 24, "u": "", "p": address, "e": 1}


def shape(**more):
    return {"ty": "rc", "p": {"a": 0, "k": [0, 0]}, "s": {"a": 0, "k": [40, 40]}, **more}


def group(*shapes):
    fill = {"ty": "fl", "c": {"a": 0, "k": [0.9, 0.4, 0.2, 1]}, "o": {"a": 0, "k": 100}}
    return {"ty": "gr", "it": [*shapes, fill, {"ty": "tr"}]}


def spin(seconds=2, rate=30):
    """A turn of something in so many seconds, as Lottie's editors write it."""
    ease = {"i": {"x": [0.5], "y": [0.5]}, "o": {"x": [0.5], "y": [0.5]}}
    keys = [{"t": 0, "s": [0], **ease}, {"t": seconds * rate, "s": [360]}]
    return {"a": 1, "k": keys}


def layer(*shapes, kind=4, **more):
    return {
        "ty": kind,
        "ks": {"r": spin(), "p": {"a": 0, "k": [100, 100, 0]}},
        "ip": 0,
        "op": 60,
        "st": 0,
        "shapes": list(shapes or (group(shape()),)),
        **more,
    }


def lottie(*layers, **more):
    document = {
        "v": "5.7.0",
        "fr": 30,
        "ip": 0,
        "op": 60,
        "w": 200,
        "h": 200,
        "assets": [],
        "layers": list(layers or (layer(),)),
        **more,
    }
    return json.dumps(document).encode()


def webm(kind=b"webm"):
    header = b"\x42\x82" + bytes([0x80 | len(kind)]) + kind
    segment = b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"
    return b"\x1a\x45\xdf\xa3" + bytes([0x80 | len(header)]) + header + segment


def box(name, data=b""):
    return struct.pack(">I", 8 + len(data)) + name + data


def mp4(brand=b"isom"):
    kind = box(b"ftyp", brand + bytes(4) + brand)
    return kind + box(b"moov", box(b"mvhd", bytes(8))) + box(b"mdat", b"film")


def avif():
    size = box(b"ispe", bytes(4) + struct.pack(">II", 64, 48))
    kind = box(b"ftyp", b"avif" + bytes(4) + b"mif1")
    return kind + box(b"meta", bytes(4) + size) + box(b"mdat", b"pixels")
