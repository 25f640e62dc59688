"""Check the rules of the house: `python -m deploy.checks [--report] [PATH ...]`."""

import argparse
import ast
import sys
from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from pathlib import Path

from deploy.checks import (
    ROOT,
    Finding,
    clocks,
    files,
    names,
    shape,
    styles,
    texts,
    tracked_files,
    words,
)


def findings(paths: Sequence[str] = (), root: Path = ROOT) -> list[Finding]:
    """Return what breaks a rule below the paths, or in the whole repository."""
    retired = words.retired_words(words.GLOSSARY.read_text())
    return sorted(
        chain.from_iterable(_of(path, root, retired) for path in tracked_files(paths, root))
    )


def _of(path: str, root: Path, retired: Sequence[words.Retired]) -> Iterator[Finding]:
    yield from files.check(path)
    yield from words.check_file_name(path)
    named = list(names.of_path(path))
    if path.endswith(".py"):
        text = (root / path).read_text()
        tree = ast.parse(text, path)
        named += names.of_python(path, tree)
        yield from shape.check(path, text, tree)
        yield from clocks.check(path, tree, root)
    if path.endswith(".css"):
        yield from styles.check(path, (root / path).read_text())
    if path.endswith(".js"):
        yield from texts.check(path, (root / path).read_text())
    yield from words.check(path, named, retired)


def report(found: Sequence[Finding]) -> Iterator[str]:
    """Yield what was found, by service or room, with the number of findings of each rule."""
    for place, group in groupby(found, lambda each: "/".join(each.path.split("/")[:2])):
        each = list(group)
        rules = sorted({finding.rule for finding in each})
        counts = (f"{sum(one.rule == rule for one in each)} {rule}" for rule in rules)
        yield f"\n{place}: {', '.join(counts)}"
        yield from (f"  {finding}" for finding in each)


def main() -> int:
    """Print what breaks a rule; 1 if something does and no report was asked for."""
    parser = argparse.ArgumentParser(prog="python -m deploy.checks", description=__doc__)
    parser.add_argument("paths", nargs="*", help="files or folders; without, everything")
    parser.add_argument("--report", action="store_true", help="list by place, and fail nothing")
    asked = parser.parse_args()
    found = findings(asked.paths)
    for line in report(found) if asked.report else map(str, found):
        print(line)  # noqa: T201 - the command's answer
    return int(bool(found) and not asked.report)


if __name__ == "__main__":
    sys.exit(main())
