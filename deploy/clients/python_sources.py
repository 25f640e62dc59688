"""The Python client: what is written by hand, with what openapi-python-client makes."""

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from openapi_python_client import generate
from openapi_python_client.config import ClassOverride, Config, ConfigFile, MetaType
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.strings import snake_case
from ruff import find_ruff_bin

from deploy.clients.document import Document, for_clients
from deploy.clients.facts import FactKind, KnownProblem, known_problems
from deploy.clients.programs import Warned, run, version

HERE = Path(__file__).parent / "python"
PACKAGE = "ovation_client"
# What the generator does not know is handed over as it comes.
AS_BYTES = ("application/pdf", "application/xml", "application/jsonl")
# What it writes has imports too many, and lines of any length.
TIDY = (("check", "--fix-only", "--extend-select=I"), ("format",))
TYPES = {
    FactKind.TEXT: "str",
    FactKind.INTEGER: "int",
    FactKind.TEXTS: "list[str]",
    FactKind.FAULTS: "list[Fault]",
}
HEAD = '''"""The problem of each code, with its facts; a fact is None where the answer lacks it."""

from collections.abc import Mapping

from .problems import Fault, Problem
'''


def write(document: Document, folder: Path) -> None:
    """
    Write the sources of the package into a folder that is new.

    Raises Warned, if the generator has a single warning.
    """
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("templates", "__pycache__"))
    with tempfile.TemporaryDirectory() as name:
        generated = _generate(document, Path(name))
        for part in ("api", "models", "types.py"):
            shutil.move(generated / part, folder / PACKAGE / part)
    (folder / PACKAGE / "version.py").write_text(f'__version__ = "{version()}"\n')
    (folder / PACKAGE / "problem_types.py").write_text(problem_types(known_problems(document)))
    for command in TIDY:
        run(find_ruff_bin(), *command, "--isolated", "--quiet", folder / PACKAGE)


def build(document: Document, folder: Path) -> None:
    """Write the wheel and the source distribution."""
    with tempfile.TemporaryDirectory() as name:
        sources = Path(name) / "sources"
        write(document, sources)
        run(sys.executable, "-m", "hatchling", "build", "--directory", folder, cwd=sources)


def problem_types(known: Sequence[KnownProblem]) -> str:
    """Return the module with a class for each code."""
    classes = "".join(map(_problem_class, known))
    table = "".join(f'    "{each.code}": {each.class_name},\n' for each in known)
    return f"{HEAD}{classes}\n\nPROBLEMS: Mapping[str, type[Problem]] = {{\n{table}}}\n"


def _problem_class(problem: KnownProblem) -> str:
    lines = [f"class {problem.class_name}(Problem):", f'    """{problem.sentence}"""']
    if problem.facts:
        names = ", ".join(f'"{name}"' for name in problem.facts)
        lines += ["", f"    fact_names = frozenset(({names},))"]
    lines += [f"    {name}: {TYPES[kind]} | None = None" for name, kind in problem.facts.items()]
    return "\n\n" + "\n".join(lines) + "\n"


def _generate(document: Document, work: Path) -> Path:
    source = work / "openapi.json"
    source.write_text(json.dumps(for_clients(document)))
    settings = ConfigFile(
        content_type_overrides=dict.fromkeys(AS_BYTES, "application/octet-stream"),
        class_overrides=_modules(document),
        docstrings_on_attributes=True,
        post_hooks=[],
    )
    config = Config.from_sources(
        settings,
        MetaType.NONE,
        document_source=source,
        file_encoding="utf-8",
        overwrite=False,
        output_path=work / PACKAGE,
    )
    warnings = generate(config=config, custom_template_path=HERE / "templates")
    if warnings:
        raise Warned("\n".join(map(_shown, warnings)))
    return work / PACKAGE


def _modules(document: Document) -> dict[str, ClassOverride]:
    """
    Rename modules whose name a field of their class has too.

    The generator calls the object that it reads by the name of its module, and the field as well.
    """
    named = ((name, snake_case(name)) for name in document["components"]["schemas"])
    return {
        name: ClassOverride(module_name=f"{module}_model")
        for name, module in named
        if module in document["components"]["schemas"][name].get("properties", {})
    }


def _shown(warning: GeneratorError) -> str:
    return f"{warning.header}: {warning.detail} {getattr(warning, 'data', '') or ''}"
