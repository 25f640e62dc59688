"""Each action of the audit log has a name in every language: operators read no codes."""

import ast
import re
from collections.abc import Iterator

from deploy.config.environment import ROOT
from services.payout.domain.bonuses import BonusState
from services.payout.domain.reviews import Verdict
from services.web.languages import read_languages
from shared.http.operator_reads import READ

# What ends in an underscore is only the beginning of a code.
CODE = re.compile(r"[a-z_]+\.[a-z_]*[a-z]")
# Who write lines of the log; the code is their argument `action`, or one without a name.
WRITERS = {"audit", "_audit", "record", "_record"}
# Codes that end in a state: which ones there are.
ENDINGS = {
    "adjustment.{}": ("approved", "applied", "rejected"),
    "bonus.{}": tuple(BonusState),
    # `approved` and `rejected`: what a review decides.
    "payout.{}": (Verdict.APPROVED, Verdict.REJECTED),
    "payout.appeal_{}": (Verdict.UPHELD, Verdict.OVERTURNED),
    # What the route takes as an outcome.
    "payout.resolved_as_{}": ("paid", "failed"),
}


def written_codes() -> set[str]:
    """Return every code that some line of our code writes into the log."""
    found = {READ}
    for folder in ("services", "shared"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text()
            if "audit" in text or "record(" in text:
                found.update(codes_in(ast.parse(text)))
    return found


def codes_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        for value in values_of(node):
            for leaf in ast.walk(value):
                yield from codes_of(leaf)


def values_of(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is or may become the action of a line."""
    if isinstance(node, ast.keyword) and node.arg == "action":
        yield node.value
    if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "action":
        yield node.value
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in WRITERS:
            yield from node.args


def codes_of(leaf: ast.AST) -> Iterator[str]:
    if isinstance(leaf, ast.JoinedStr):
        written = "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in leaf.values
        )
        yield from (written.format(ending) for ending in ENDINGS[written])
    elif isinstance(leaf, ast.Constant) and CODE.fullmatch(str(leaf.value)):
        yield str(leaf.value)


def test_every_action_has_a_name_in_every_language():
    codes = written_codes()

    # So that the search is known to find them.
    assert {"wallet.frozen", "endpoint.replayed", "bonus.granted", "catalogue.added"} <= codes
    keys = {f"console-action:{code.replace('.', '-')}" for code in codes}
    for language, messages in read_languages().items():
        assert keys - set(messages) == set(), language


def test_no_name_is_left_of_an_action_that_is_not_written():
    keys = {f"console-action:{code.replace('.', '-')}" for code in written_codes()}
    for language, messages in read_languages().items():
        named = {key for key in messages if key.startswith("console-action:")}
        assert named - keys == set(), language
