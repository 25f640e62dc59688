"""
The names a file gives: to itself, and in Python and SQL to all that it defines.

Not among them: the fields of events and of HTTP bodies, which are public and stay as published, and
the names of tests, which are sentences.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import PurePath

Name = tuple[int, str]

_PUBLIC_FIELDS = re.compile(r"services/\w+/api(/|\.py)|shared/contracts/")
_SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER TABLE|RETURNING)\b")
# What is no name in SQL: literals, comments, parameters.
_SQL_NO_NAME = re.compile(r"'[^']*'|--[^\n]*|(?<!:):\w+")
# Calls whose first text is a name: lines of a log, commands, columns and tables.
_NAMING_CALLS = {
    *("debug", "info", "warning", "error", "exception", "critical"),
    *("command", "Column", "add_column", "drop_column", "create_table", "Table", "Index"),
    *("Counter", "Gauge", "Histogram"),
}


def of_path(path: str) -> Iterator[Name]:
    """Yield the name of a file and of its folders; that of a migration is a sentence."""
    if "/versions/" in path:
        return
    for part in PurePath(path).parts:
        yield 1, part.split(".")[0]


def of_python(path: str, tree: ast.Module) -> Iterator[Name]:
    """Yield each name that a Python file defines, with its line."""
    hidden = set(_documentation(tree))
    if _PUBLIC_FIELDS.match(path):
        hidden |= set(_fields(tree))
    for node in ast.walk(tree):
        if id(node) not in hidden:
            yield from _of_node(node)


@cache
def parts(name: str) -> tuple[str, ...]:
    """Split `HTTPServer`, `gift_sent` and `gift.sent` into their words, in lower case."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return tuple(re.findall(r"[a-z]+", spaced.lower()))


def _of_node(node: ast.AST) -> Iterator[Name]:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            if not name.startswith("test_"):
                yield node.lineno, name
        case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
            yield node.lineno, name
        case ast.Attribute(attr=name, ctx=ast.Store()):
            yield node.lineno, name
        case ast.alias(asname=str(name)):
            yield node.lineno, name
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)):
            yield from _of_call(node, called)
        case ast.Constant(value=str(text)) if _SQL.search(text):
            yield from _of_sql(node.lineno, text)


def _of_call(call: ast.Call, called: str) -> Iterator[Name]:
    texts = [*call.args[:1], *(each.value for each in call.keywords if each.arg == "name")]
    for text in texts:
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            named = called in _NAMING_CALLS and re.fullmatch(r"[\w.-]+", text.value)
            if named and not _SQL.search(text.value):
                yield text.lineno, text.value


def _of_sql(line: int, text: str) -> Iterator[Name]:
    bare = _SQL_NO_NAME.sub(lambda hidden: "\n" * hidden[0].count("\n"), text)
    for found in re.finditer(r"\b[a-z_][a-z0-9_]*\b", bare):
        yield line + bare.count("\n", 0, found.start()), found[0]


def _documentation(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield id(node.value)


def _fields(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for field in node.body:
                if isinstance(field, ast.AnnAssign):
                    yield id(field.target)
