"""What clients are made of: no warning of a generator, strict types, and the facts of problems."""

import re
import subprocess
import sys

from deploy.clients import document as documents
from deploy.clients import facts

NUMBER = re.compile(r"_(coins|minor|max|min|seconds|diamonds|bp|years|version|per_day)$")
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


def test_a_fact_that_is_a_number_by_its_name_is_one_in_the_clients():
    known = facts.known_problems(documents.read_document())
    kinds = {name: kind for problem in known for name, kind in problem.facts.items()}

    numbers = {name for name in kinds if NUMBER.search(name)}

    assert {"shortfall_coins", "max_age_seconds"} <= numbers
    assert {kinds[name] for name in numbers} == {facts.FactKind.INTEGER}
    assert kinds["errors"] is facts.FactKind.FAULTS
    assert kinds["requirements"] is facts.FactKind.TEXTS
