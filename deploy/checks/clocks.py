"""Refused clocks: what a module reads when it is imported is another day once its code runs."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from deploy.checks import ROOT, Finding

_NOW = {"now", "utcnow", "today"}
# These take the present time when they get fewer arguments: `gmtime()`, `strftime("%Y")`.
_ARGUMENTS_WITH_A_TIME = {"gmtime": 1, "localtime": 1, "ctime": 1, "strftime": 2}
_TIME = {"time", "time_ns", *_ARGUMENTS_WITH_A_TIME}
_CONSTRUCTORS = {"__init__", "__new__", "__post_init__"}
_ADVICE = "the module reads the clock when it is imported; read it in a function or a fixture"


def check(path: str, tree: ast.Module, root: Path = ROOT) -> Iterator[Finding]:
    """Yield each line that reads the clock while the module is imported."""
    readers = _clock_readers(tree, root)
    for line in sorted({call.lineno for call in _calls(tree.body) if _is_reader(call, readers)}):
        yield Finding(path, line, "clock at import", _ADVICE)


def _is_reader(call: ast.Call, readers: set[str]) -> bool:
    """Say whether a call reads the clock, itself or in a function with one of these names."""
    match call.func:
        case ast.Name(id=called):
            return called in readers and _takes_the_present(called, call)
        case ast.Attribute(value=ast.Name(id="time"), attr=called):
            return called in _TIME and _takes_the_present(called, call)
        case ast.Attribute(value=ast.Name(id="func")):
            return False  # SQL: the database reads its clock when the statement runs
        case ast.Attribute(value=ast.Name(id=module), attr=called):
            return called in _NOW or f"{module}.{called}" in readers
        case ast.Attribute(attr=called):
            return called in _NOW
    return False


def _takes_the_present(called: str, call: ast.Call) -> bool:
    return len(call.args) < _ARGUMENTS_WITH_A_TIME.get(called, len(call.args) + 1)


def _clock_readers(tree: ast.Module, root: Path) -> set[str]:
    """Return what a module names whose call reads the clock, also through other functions."""
    readers = set(_imported_readers(tree, root))
    bodies = {name: list(_calls(body)) for name, body in _bodies(tree)}
    while True:
        more = {
            name
            for name, calls in bodies.items()
            if name not in readers and any(_is_reader(call, readers) for call in calls)
        }
        if not more:
            return readers
        readers |= more


def _imported_readers(tree: ast.Module, root: Path) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found = _readers_of(node.module, root)
            for each in node.names:
                name = each.asname or each.name
                if each.name in found:
                    yield name
                else:
                    of_module = _readers_of(f"{node.module}.{each.name}", root)
                    yield from (f"{name}.{reader}" for reader in of_module)


# By file; without names while a file is read, as modules may import each other.
_KNOWN: dict[Path, set[str]] = {}


def _readers_of(module: str, root: Path) -> set[str]:
    if module == "time":
        return _TIME
    base = root.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path not in _KNOWN and path.is_file():
            _KNOWN[path] = set()
            _KNOWN[path] = _clock_readers(ast.parse(path.read_text(), path), root)
        if path in _KNOWN:
            return _KNOWN[path]
    return set()


def _bodies(tree: ast.Module) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Yield what runs when a function is called, or an object of a class is made, by its name."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node.body
        elif isinstance(node, ast.ClassDef):
            methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
            made = [each for each in methods if each.name in _CONSTRUCTORS]
            yield node.name, [statement for method in made for statement in method.body]


def _calls(nodes: Iterable[ast.AST]) -> Iterator[ast.Call]:
    """Yield the calls that run with these nodes: not those in functions, which run later."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            yield node
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _decorations(node.decorator_list)
                waiting += [*node.decorator_list, *_defaults(node.args)]
            case ast.Lambda():
                waiting += _defaults(node.args)
            case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
                waiting += node.orelse  # `if __name__ == "__main__":` is no import
            case ast.ClassDef():
                yield from _decorations(node.decorator_list)
                waiting += ast.iter_child_nodes(node)
            case _:
                waiting += ast.iter_child_nodes(node)


def _defaults(arguments: ast.arguments) -> list[ast.AST]:
    return [each for each in (*arguments.defaults, *arguments.kw_defaults) if each is not None]


def _decorations(decorators: Iterable[ast.expr]) -> Iterator[ast.Call]:
    """Yield each decorator without arguments as the call that it is."""
    for each in decorators:
        if not isinstance(each, ast.Call):
            yield ast.copy_location(ast.Call(each, [], []), each)
