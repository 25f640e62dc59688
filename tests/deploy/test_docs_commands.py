"""Every command that the documentation shows exists: of make, ovationctl, and modules."""

import importlib.util
import re

import pytest

from deploy.ctl.__main__ import COMMANDS
from deploy.ctl.commands.late import every_command
from tests.deploy.test_docs import DOCS, DOORS, ROOT

READMES = [ROOT / "deploy" / each / "README.md" for each in (".", "wheel", "examples")]
PAGES = [*DOORS, *DOCS, *READMES]
TARGETS = set(re.findall(r"^([\w/.-]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))
# What runs the operator's commands, on one line: the rest of it is a command. A container has
# `ovationctl providers` as its entrypoint, unless another is named.
RUNNERS = r"(?:(?<!--entrypoint )ovationctl|deploy\.ctl|(?<!-)\bctl|(?<=run --rm )operator)"
PROVIDERS = r"(?P<providers>(?<=run --rm )operator-providers)|ovationctl operator-providers"
EVERY = every_command(COMMANDS)
CTL = re.compile(rf"(?:{PROVIDERS}|{RUNNERS}) (?P<words>(?:[a-z][a-z-]*(?: |\b))+)")


@pytest.fixture(params=PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def code(request):
    """Return the code of a page: what is in fences and in backticks."""
    text = request.param.read_text()
    fences = re.findall(r"^ *```(?:sh|bash|console)?\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [*fences, *re.findall(r"`([^`\n]+)`", rest)]


def test_every_target_of_make_exists(code):
    for each in code:
        for line in each.splitlines():
            found = re.match(r"(?:\w+=\S+ )*make((?: [^#&|;]+)?)", line.strip())
            words = found[1].split() if found else []
            targets = {word for word in words if re.fullmatch(r"[a-z.][a-z/.-]*", word)}
            assert targets <= TARGETS, line


def test_every_command_of_the_operator_exists(code):
    for each in code:
        for found in CTL.finditer(each):
            group = ["providers"] if found["providers"] else []
            assert is_command([*group, *found["words"].split()]), found[0]


def test_every_module_that_is_run_exists(code):
    for each in code:
        for name in re.findall(r"python -m ((?:deploy|services|shared|tests)[\w.]*)", each):
            assert importlib.util.find_spec(name), name


def test_a_command_that_does_not_exist_is_found():
    assert is_command(["dlq", "ls"])
    assert not is_command(["dlq", "list"])
    assert not is_command(["letters"])


def is_command(words):
    """Say whether words begin with a command: a group needs one of its own, but to be named."""
    names = [" ".join(words[:count]) for count in range(1, len(words) + 1)]
    is_whole = any(name in EVERY for name in names)
    return is_whole or any(each.startswith(f"{names[-1]} ") for each in EVERY)
