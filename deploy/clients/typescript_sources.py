"""The TypeScript client: what is written by hand, with what openapi-typescript makes."""

import fcntl
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from deploy.clients.document import (
    Document,
    Operation,
    decides_later,
    for_clients,
    operations,
    takes_key,
)
from deploy.clients.facts import FactKind, KnownProblem, known_problems
from deploy.clients.programs import Warned, run, version

HERE = Path(__file__).parent / "typescript"
# Generated, and not committed.
MADE = HERE / "src" / "made"
TYPES = {
    FactKind.TEXT: "string",
    FactKind.INTEGER: "number",
    FactKind.TEXTS: "string[]",
    FactKind.FAULTS: "{ where: string; problem: string }[]",
}


def compile_package(document: Document) -> Path:
    """
    Return the folder of the compiled package: it is made anew if anything of it changed.

    Several processes may ask at once. Raises Warned, if the generator has a single warning.
    """
    MADE.mkdir(exist_ok=True)
    state, wanted = MADE / "state.txt", _digest(document)
    with (MADE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (state.exists() and state.read_text() == wanted):
            state.unlink(missing_ok=True)
            install()
            _generate(document)
            shutil.rmtree(HERE / "dist", ignore_errors=True)
            run_own("tsc", "--project", HERE)
            state.write_text(wanted)
    return HERE


def _digest(document: Document) -> str:
    """Return what stands for all that the package is made of."""
    sources = [*HERE.glob("*.json"), *HERE.glob("src/*.ts"), *Path(__file__).parent.glob("*.*")]
    contents = [path.read_bytes() for path in sorted(sources)]
    contents.append(json.dumps([document, problem_facts(known_problems(document))]).encode())
    return hashlib.sha256(b"".join(contents)).hexdigest()


def _generate(document: Document) -> None:
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "openapi.json"
        source.write_text(json.dumps(for_clients(document)))
        options = ("--output", MADE / "api.ts", "--default-non-nullable=false")
        said = run_own("openapi-typescript", source, *options)
    if "warn" in said.lower():
        raise Warned(said)
    (MADE / "operations.ts").write_text(_operation_sets(document))
    (MADE / "problems.ts").write_text(problem_facts(known_problems(document)))


def install() -> None:
    """Install the packages of the lock file, if they are not there."""
    done, lock = HERE / "node_modules" / ".package-lock.json", HERE / "package-lock.json"
    if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
        command = ("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        run(*command, cwd=HERE)


def run_own(program: str, *arguments: str | Path) -> str:
    """Run a program of the packages; return what it printed."""
    return run(HERE / "node_modules" / ".bin" / program, *arguments, cwd=HERE)


def build(document: Document, folder: Path) -> None:
    """Write the npm package, which has the version of the project."""
    compile_package(document)
    with tempfile.TemporaryDirectory() as name:
        package = Path(name)
        manifest = json.loads((HERE / "package.json").read_text())
        del manifest["devDependencies"]
        (package / "package.json").write_text(
            json.dumps({**manifest, "version": version()}, indent=2)
        )
        shutil.copy(HERE / "README.md", package)
        shutil.copytree(HERE / "dist", package / "dist")
        run("npm", "pack", "--pack-destination", folder, "--loglevel=error", cwd=package)


def problem_facts(known: Iterable[KnownProblem]) -> str:
    """Return the module with the facts of each code."""
    lines = [line for problem in known for line in _members(problem)]
    head = "/** The facts of each problem by its code; one is absent where it says nothing. */"
    return "\n".join([head, "export interface ProblemFacts {", *lines, "}", ""])


def _members(problem: KnownProblem) -> list[str]:
    facts = " ".join(f"{name}?: {TYPES[kind]};" for name, kind in problem.facts.items())
    return [f"  /** {problem.sentence} */", f'  "{problem.code}": {{ {facts} }};']


def _operation_sets(document: Document) -> str:
    keyed = _named(document, takes_key)
    later = _named(document, decides_later)
    return (
        f"/** What needs an idempotency key. */\n"
        f"export const KEYED: ReadonlySet<string> = new Set({keyed});\n"
        f"/** What answers 202 while it is not decided. */\n"
        f"export const DECIDED_LATER: ReadonlySet<string> = new Set({later});\n"
    )


def _named(document: Document, is_so: Callable[[Operation], bool]) -> str:
    names = [f"{method} {path}" for method, path, each in operations(document) if is_so(each)]
    return json.dumps(names, indent=2)
