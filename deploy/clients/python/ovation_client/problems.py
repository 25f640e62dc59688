"""Why a request was refused, as exceptions: one for each code, with its facts."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, TypedDict


class Fault(TypedDict):
    """One thing that is wrong with a request, and where."""

    where: str
    problem: str


class Problem(Exception):
    """
    Ovation refused a request (RFC 9457).

    `code` is stable, so compare it, or catch the class of a code (`problem_types`). `facts` has
    everything that the answer says besides; what is known of a code is also an attribute.
    """

    fact_names: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, code: str, title: str, status: int, facts: Mapping[str, Any]) -> None:
        super().__init__(f"{code}: {title}")
        self.code, self.title, self.status, self.facts = code, title, status, facts
        for name in self.fact_names & facts.keys():
            setattr(self, name, facts[name])

    @property
    def request_id(self) -> str | None:
        """What the operators of the installation find this request by, if the answer has it."""
        return self.facts.get("request_id")


OWN_MEMBERS = frozenset({"type", "title", "status", "code"})


def problem_of(status: int, body: bytes, classes: Mapping[str, type[Problem]]) -> Problem:
    """Read an answer that refuses; one that is no problem document is `http-<status>`."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("type"), str):
        code = f"http-{status}"
        return Problem(code, "The answer is not a problem document.", status, {})
    # An address ends with the code.
    code = str(document.get("code") or document["type"].rstrip("/").rpartition("/")[2])
    facts = {name: fact for name, fact in document.items() if name not in OWN_MEMBERS}
    kind = classes.get(code, Problem)
    return kind(code, str(document.get("title", code)), status, facts)
