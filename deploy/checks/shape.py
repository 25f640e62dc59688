"""Refused shapes: a nested route, a row by position, a constant twice, a long function or file."""

import ast
import re
from collections.abc import Iterator

from deploy.checks import Finding

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 400
_ROUTE_METHODS = {"get", "post", "put", "patch", "delete", "head", "api_route", "websocket"}
_WITH_ROUTES = re.compile(r"(services|shared)/")
_WITH_ROWS = re.compile(r"services/\w+/(store|api)(/|\.py)|shared/(?!contracts/)")

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def check(path: str, text: str, tree: ast.Module) -> Iterator[Finding]:
    """Yield what one Python file breaks."""
    yield from _sizes(path, text, tree)
    yield from _constants(path, tree)
    if _WITH_ROUTES.match(path):
        yield from _routes(path, tree)
    if _WITH_ROWS.match(path):
        yield from _rows(path, tree)


def _sizes(path: str, text: str, tree: ast.Module) -> Iterator[Finding]:
    lines = text.count("\n")
    is_written_by_hand = not path.startswith("tests/") and not path.endswith("/columns.py")
    if lines > FILE_LINES_MAX and is_written_by_hand:
        advice = f"{lines} lines, at most {FILE_LINES_MAX}; split it by object"
        yield Finding(path, 1, "file size", advice)
    for function in _functions(tree):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            advice = f"{function.name} has {lines} lines, at most {FUNCTION_LINES_MAX}; split it"
            yield Finding(path, function.lineno, "function size", advice)


def _constants(path: str, tree: ast.Module) -> Iterator[Finding]:
    """Find constants of a module that are assigned again: the first one is dead."""
    known: set[str] = set()
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        for target in targets:
            if not isinstance(target, ast.Name) or not target.id.isupper():
                continue
            if target.id in known:
                advice = f"{target.id} is assigned above; remove one of the two"
                yield Finding(path, node.lineno, "constant twice", advice)
            known.add(target.id)


def _routes(path: str, tree: ast.Module) -> Iterator[Finding]:
    for outer in _functions(tree):
        for inner in _functions(outer):
            if inner is not outer and any(map(_is_route, inner.decorator_list)):
                advice = f"{inner.name} is a function inside {outer.name}; move it to the module"
                yield Finding(path, inner.lineno, "route", advice)


def _is_route(decorator: ast.expr) -> bool:
    return (
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr in _ROUTE_METHODS
    )


def _rows(path: str, tree: ast.Module) -> Iterator[Finding]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and (name := _built_by_position(call)):
            advice = f"{name} takes a row by position; build it from the row's names"
            yield Finding(path, call.lineno, "positional row", advice)


def _built_by_position(call: ast.Call) -> str | None:
    """Return the class that a call builds from a row's values in their order."""
    match call:
        case ast.Call(func=ast.Name(id="starmap") | ast.Attribute(attr="starmap"), args=[kind, _]):
            return _class_name(kind)
        case ast.Call(func=ast.Attribute(value=kind, attr="_make")):
            return _class_name(kind)
        case ast.Call(func=kind, args=args) if any(map(_is_row, args)):
            return _class_name(kind)
    return None


def _is_row(argument: ast.expr) -> bool:
    return isinstance(argument, ast.Starred) and isinstance(
        argument.value, ast.Name | ast.Attribute | ast.Subscript
    )


def _class_name(node: ast.expr) -> str | None:
    name = {ast.Name: "id", ast.Attribute: "attr"}.get(type(node))
    text = str(getattr(node, name)) if name else ""
    return text if re.match(r"_?[A-Z]\w*[a-z]", text) else None


def _functions(tree: ast.AST) -> Iterator[_Function]:
    return (node for node in ast.walk(tree) if isinstance(node, _Function))
