"""
A new service from a template: twelve files, and its name where services are registered.

The template is a service that works: it counts the gifts of each creator and answers how many.
"""

import keyword
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TEMPLATE = ROOT / "deploy" / "template"
NAME = re.compile(r"[a-z][a-z0-9]{1,30}")
# Where a service is registered: what is looked for, and what stands in its place then.
REGISTRATIONS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "shared/contracts/routes.py": (
        (r"(from \. import .*)", r"\1, <name>"),
        (r"(EVENTS: tuple.*? = \((?:\n    \*\w+\.EVENTS,)+)", r"\1\n    *<name>.EVENTS,"),
        (r"(SERVICES: tuple.*? = \(.*)\)", r'\1, "<name>")'),
        (r"(QUEUES: (?:.|\n)*?)\n\}", r'\1\n    "<name>.gifts": (gift.GiftSent,),\n}'),
    ),
    "deploy/config/services.py": (
        (r"(    # Its pages have)", r'    Service("<name>", routes=("^/v1/<name>(/|$)",)),\n\1'),
    ),
    "pyproject.toml": ((r'(    "services\.live",\n)', r'\1    "services.<name>",\n'),),
}


class NotMade(Exception):
    """The service was not made; the message says why."""


def new_service(name: str, root: Path = ROOT) -> tuple[list[Path], list[Path]]:
    """Write a service and register it; return the new files and those where it is registered."""
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise NotMade(f"{name!r} is no name of a service: small letters and digits, from 2 to 31.")
    files = {_target(source, name, root): source for source in sorted(TEMPLATE.rglob("*.txt"))}
    if there := [file for file in files if file.exists()]:
        raise NotMade(f"{there[0]} is there already.")
    registered = {
        root / file: _registered(root / file, places, name)
        for file, places in REGISTRATIONS.items()
    }
    for file, source in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_named(source.read_text(), name))
    for file, text in registered.items():
        file.write_text(text)
    _write_generated(root, list(registered))
    return list(files), list(registered)


def _target(source: Path, name: str, root: Path) -> Path:
    return root / str(source.relative_to(TEMPLATE)).replace("NAME", name).removesuffix(".txt")


def _named(text: str, name: str) -> str:
    cases = {"<name>": name, "<Name>": name.capitalize(), "<NAME>": name.upper()}
    for placeholder, written in cases.items():
        text = text.replace(placeholder, written)
    return text


def _registered(file: Path, places: Sequence[tuple[str, str]], name: str) -> str:
    text = file.read_text()
    for pattern, replacement in places:
        text, count = re.subn(pattern, _named(replacement, name), text, count=1)
        if count == 0:
            raise NotMade(f"{file} has no place for {name} any more: {pattern}")
    return text


def _write_generated(root: Path, registered: list[Path]) -> None:
    """Order what was registered, and write the generated files: by programs that read it anew."""
    for arguments in (
        ["ruff", "check", "--quiet", "--select=I", "--fix", *map(str, registered[:1])],
        ["deploy.docs.columns"],
        ["deploy.ctl", "contracts"],
    ):
        subprocess.run([sys.executable, "-m", *arguments], cwd=root, check=True)
