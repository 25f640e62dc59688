"""
What each code of a problem means: written into `services/web/problems.json`, which web shows.

A refusal's class says it: its docstring is the sentence and what is to be known besides, its kind
is what a caller can do, and where it is raised its facts are named.
"""

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from deploy.config.environment import ROOT
from shared.errors import Kind, Refusal
from shared.http.problems import OTHER_PROBLEMS, STATUS, Problem

Document = dict[str, Any]
FILE = ROOT / "services" / "web" / "problems.json"
SOURCES = ("services", "shared")
ADVICE = {
    Kind.MALFORMED: "Mend the request. Repeated as it is, it is refused again.",
    Kind.UNAUTHENTICATED: "Send a valid token of your identity system, and renew one that ended.",
    Kind.PAYMENT: "Buy the missing coins, then send a new request with a new `Idempotency-Key`.",
    Kind.FORBIDDEN: "Do not repeat the request: this caller may not do this.",
    Kind.NOT_FOUND: "Check the ids in the request, and whose they are.",
    Kind.CONFLICT: "Read again what is there now, and decide whether the request is still wanted.",
    Kind.INVALID: "Ask for something else: a rule does not allow what the request asks for.",
    Kind.LIMITED: "Wait as long as `Retry-After` says, then repeat the request with the same key.",
    Kind.UNAVAILABLE: "Repeat the same request with the same key, after `Retry-After`.",
}
# Problems that are no refusal of a rule have the advice of the kind with their status.
ADVICE_BY_STATUS = {STATUS[kind]: advice for kind, advice in ADVICE.items()} | {
    405: "Use a method of the header `Allow`.",
    413: "Send a smaller body.",
    415: "Send the body as JSON, with the header `Content-Type: application/json`.",
    500: "Repeat the same request with the same key. If it fails again, tell the operator the"
    " `request_id`.",
}


def problem_table(api: Document, gateway: str) -> Document:
    """
    Return all that is known of each code.

    `api` says which operations answer with it, and nginx's configuration what the gateway answers.
    """
    operations = _operations(api)
    table: Document = {}
    for refusal in _refusals(Refusal):
        entry = table.setdefault(
            refusal.code(),
            {
                "status": STATUS[refusal.kind],
                "meanings": [],
                "advice": ADVICE[refusal.kind],
                "facts": sorted(_facts()[refusal.__name__]),
                "operations": operations.get(refusal.code(), []),
            },
        )
        # One rule may have a class in each service that knows it.
        if (meaning := _meaning(refusal)) not in entry["meanings"]:
            entry["meanings"].append(meaning)
    others = [(*what, status, facts) for what, (status, facts) in OTHER_PROBLEMS.items()]
    for code, title, status, facts in (*others, *_of_gateway(gateway)):
        advice = ADVICE_BY_STATUS.get(status, ADVICE[Kind.MALFORMED])
        entry = {"status": status, "meanings": [title], "advice": advice, "facts": list(facts)}
        table.setdefault(code, {**entry, "operations": operations.get(code, [])})
    return dict(sorted(table.items()))


def _of_gateway(gateway: str) -> Iterator[tuple[str, str, int, list[str]]]:
    """Read what the gateway answers itself out of its configuration."""
    for answer in re.findall(r"return \d+ '(\{.*\})';", gateway):
        problem = json.loads(answer)
        facts = sorted(problem.keys() - Problem.model_fields.keys())
        yield problem["code"], problem["title"], problem["status"], facts


def _refusals(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for refusal in sorted(kind.__subclasses__(), key=lambda each: each.__module__):
        if refusal.__module__.startswith(SOURCES) and hasattr(refusal, "kind"):
            yield refusal
        yield from _refusals(refusal)


def _meaning(refusal: type[Refusal]) -> str:
    paragraphs = (refusal.__doc__ or "").strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


@cache
def _facts() -> dict[str, set[str]]:
    """Return the facts of each class, as the code that raises it names them."""
    found: dict[str, set[str]] = defaultdict(set)
    for source in SOURCES:
        for file in (ROOT / source).rglob("*.py"):
            for name, facts in _raised(file):
                found[name] |= facts
    return found


def _raised(file: Path) -> Iterator[tuple[str, set[str]]]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            yield name, {keyword.arg for keyword in node.keywords if keyword.arg}


def _operations(api: Document) -> dict[str, list[str]]:
    """Return which operations answer with a code, as their descriptions say."""
    found: dict[str, list[str]] = defaultdict(list)
    for path, operations in api["paths"].items():
        for method, operation in operations.items():
            for answer in operation["responses"].values():
                for code in re.findall("^`([a-z0-9-]+)`: ", answer["description"], re.MULTILINE):
                    found[code].append(f"{method.upper()} {path}")
    return found
