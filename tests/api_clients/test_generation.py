"""What clients are made of: no warning of a generator, strict types, and the facts of problems."""

import ast
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from deploy.clients import document as documents
from deploy.clients import facts
from deploy.config.environment import ROOT
from shared.errors import Refusal

# What is in an answer without a refusal of ours being raised, or what is handed over whole.
WHOLE = {
    "invalid-request": {"errors"},
    "limit-exceeded": {"period", "unit", "limit", "spent", "remaining", "set_by", "gift"},
    "purchase-limit-reached": {"rule", "ends_at", "retry_after_seconds"},
    "purchases-paused": {"rule", "ends_at", "retry_after_seconds"},
    "target-token-invalid": {"reason", "claim"},
}
# An event has this name as well.
EVENTS = {"purchase-disputed"}
USE = """
from ovation_client import Ovation, each, follow
from ovation_client.api.gifts import list_gifts, send_gift
from ovation_client.models import GiftResponse, SendGiftRequest
from ovation_client.problem_types import InsufficientCoins

async def use(ovation: Ovation) -> int:
    body = SendGiftRequest(gift_type="g_rose", creator="lea", room="r")
    try:
        gift: GiftResponse = await send_gift(ovation, body=body)
    except InsufficientCoins as refused:
        return refused.shortfall_coins or 0
    async for listed in each(list_gifts, ovation, limit=5):
        gift = listed
    async for entry in follow(ovation, "r"):
        print(entry.kind, gift.coins)
    return gift.coins
"""
MISUSE = """
from ovation_client import Ovation
from ovation_client.api.gifts import send_gift
from ovation_client.models import SendGiftRequest

async def use(ovation: Ovation) -> str:
    gift = await send_gift(ovation, body=SendGiftRequest(gift_type=1, creator="lea"))
    return gift.coins
"""


def mypy_says(folder, program):
    (folder / "use.py").write_text(program)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "use.py"]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True).stdout


def test_the_python_client_and_its_use_have_strict_types(python_client):
    strict = ["--strict", "--config-file=", "ovation_client", "use.py"]
    (python_client / "use.py").write_text(USE)

    checked = subprocess.run(
        [sys.executable, "-m", "mypy", *strict],
        cwd=python_client,
        check=False,
        capture_output=True,
        text=True,
    )

    assert checked.returncode == 0, checked.stdout
    assert mypy_says(python_client, MISUSE).count("error:") == 2


def test_every_operation_for_clients_is_in_the_python_client(python_client):
    prepared = documents.for_clients(documents.read_document())
    names = {each["operationId"] for _, _, each in documents.operations(prepared)}

    made = {path.stem for path in (python_client / "ovation_client" / "api").glob("*/*.py")}

    assert len(names) > 100
    assert made == names | {"__init__"}


def test_the_facts_of_each_problem_are_those_that_the_code_gives():
    known = {each.code for each in facts.known_problems(documents.read_document())}

    raised = {code: names for code, names in facts_in_code().items() if code in known}

    assert {code: set(names) for code, names in facts.read_facts().items()} == raised


def facts_in_code():
    """Return the names of the facts with which each refusal is made, by its code."""
    found = defaultdict(set)
    for folder in ("services", "shared"):
        for path in Path(ROOT, folder).rglob("*.py"):
            for name, facts_of_call in made_in(ast.parse(path.read_text())):
                found[type(name, (Refusal,), {}).code()] |= facts_of_call
    given = {code: names for code, names in found.items() if names and code not in EVENTS}
    return {**given, **WHOLE}


def made_in(tree):
    """Yield the name of each class that is called, and the names of what it is given."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.keywords:
            names = {each.arg for each in node.keywords if each.arg}
            if node.func.id[:1].isupper():
                yield node.func.id, names
