"""What docs/ names is there: pages, files, functions, tests; the tables it draws are as drawn."""

import ast
import re
import warnings
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import MetaData, NullPool
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.config.services import DATABASES, SERVICES
from deploy.docs.tables import PAGES, columns, relations, table_pages
from shared.contracts.routes import ALWAYS_BOUND, EVENTS, QUEUES
from shared.messaging.delivery import service_of
from tests.drift import KEPT_BY_MIGRATIONS

ROOT = Path(__file__).parent.parent.parent
SUFFIXES = (".py", ".toml", ".yml", ".conf", ".js")
ARCHITECTURE = ROOT / "docs" / "architecture.md"
DOCS = sorted((ROOT / "docs").rglob("*.md"))
DOORS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
# Which folders a path in backticks may begin with; anything else is a name of another kind.
FOLDERS = ("services", "shared", "tests", "deploy", "seeds", "docs")
# Made by `make secrets`, and in no commit.
SECRETS = ("deploy/secrets", "deploy/rabbitmq/20-users.json")
# Settings begin with the name of a service, or with one that all services read.
SETTING = re.compile(rf"^(OVATION|{'|'.join(SERVICES).upper()})_(\w+)$")
# Names of other programs: identity providers, PostgreSQL, Citus, RabbitMQ.
FOREIGN = {
    "create_distributed_table",
    "definePayload",
    "import_definitions",
    "jwks_uri",
    "pg_wal",
    "rabbit_fifo_dlx_sup",
    "unsafeMetadata",
    "user_metadata",
}


@pytest.fixture(params=[*DOORS, *DOCS], ids=lambda page: str(page.relative_to(ROOT)))
def page(request):
    return request.param


def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", _text(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert not anchor or anchor in _anchors(found), target


def test_every_file_that_is_named_exists(page):
    """`services/gift/main.py` is a file, `services/gift/main.py: build` a name in it as well."""
    for path, names in re.findall(r"`([\w.-]+/[\w./*-]*)(?:: ([\w., ]+))?`", _text(page)):
        if path.split("/")[0] not in FOLDERS or path.startswith(SECRETS):
            continue
        found = sorted(ROOT.glob(path)) if "*" in path else [ROOT / path]
        assert found, path
        assert all(each.exists() for each in found), path
        for name in filter(None, names.split(", ")):
            assert set(name.split(".")) <= _names(found[0]), f"{path}: {name}"


def test_every_name_of_the_code_exists(page):
    """
    A name in backticks that looks like one of the code is one: `open_book`, `GiftSent`.

    So is the setting `OVATION_JWT_AUDIENCE`, if there is a field `jwt_audience`.
    """
    named = set(re.findall(r"`([A-Za-z]+(?:_\w+|[a-z][A-Z]\w*))`", _text(page)))
    unknown = named - _words() - FOREIGN
    unknown -= {name for name in unknown if _field(name) in _words()}

    assert not unknown


def test_every_event_and_queue_exists(page):
    """A name that is neither is that of a line in the log."""
    named = set(re.findall(rf"`((?:{'|'.join(DATABASES)})\.[a-z_]+)`", _text(page)))
    known = {event.name for event in EVENTS} | set(QUEUES)

    assert not named - known - _quoted()


def test_every_test_that_is_named_exists(page):
    """A file of tests may be named alone; it is one of those."""
    named = set(re.findall(r"`(test_\w+)`", _text(page)))

    assert named <= _tests(), named - _tests()


def test_every_page_is_on_the_map():
    text = _text(ROOT / "docs" / "README.md")
    listed = {ROOT / "docs" / target for target in re.findall(r"\]\(([^)#\s]+)\)", text)}

    assert set(DOCS) - {ROOT / "docs" / "README.md"} <= {path.resolve() for path in listed}


def test_the_rooms_of_shared_import_what_the_architecture_says():
    told = re.findall(
        r"^\| `(\w+)` \| [^|]* \| ?([\w, ]*?) ?\|$", _text(ARCHITECTURE), re.MULTILINE
    )

    assert {room: set(filter(None, imports.split(", "))) for room, imports in told} == _rooms()


def test_the_events_between_services_are_drawn_as_they_are_bound():
    drawn = {
        (owner, receiver): set(re.split(r",(?: |<br/>)", names))
        for owner, names, receiver in re.findall(
            r'^    (\w+) -- "([a-z_, <>/]+?)" --> (\w+)$', _text(ARCHITECTURE), re.MULTILINE
        )
        if {owner, receiver} <= set(DATABASES)
    }
    bound: dict[tuple[str, str], set[str]] = {}
    for queue, events in ALWAYS_BOUND.items():
        for event in events:
            about = (event.owner(), queue.split(".")[0])
            bound.setdefault(about, set()).add(event.name.split(".")[1])

    assert drawn == bound


@pytest.mark.parametrize("service", DATABASES)
async def test_the_tables_drawn_are_those_of_the_migrated_database(database_of, service):
    database = database_of(service)
    address = make_url(database.direct_url).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(address, poolclass=NullPool)
    found = MetaData()
    # What SQLAlchemy reads of a CHECK that is NOT VALID, it does not take itself.
    warnings.filterwarnings("ignore", message="Can't validate argument 'dialect_options'")
    async with engine.connect() as connection:
        await connection.run_sync(found.reflect)
    await engine.dispose()
    for kept in KEPT_BY_MIGRATIONS:
        if kept in found.tables:
            found.remove(found.tables[kept])

    tables, lines = _drawn(_text(PAGES / f"{service}.md"))

    assert tables == {each.name: sorted(columns(each)) for each in found.tables.values()}
    assert lines == {line for each in found.tables.values() for line in relations(each)}


def test_each_queue_stands_beside_its_service():
    rows = re.findall(r"^\| `services/(\w+)` \|[^|]*\|([^|]*)\|", _text(ARCHITECTURE), re.MULTILINE)
    told = {service: re.findall(r"`([\w.]+)`", queues) for service, queues in rows}

    assert {service: queues for service, queues in told.items() if queues} == {
        service: [queue for queue in QUEUES if service_of(queue) == service]
        for service in dict.fromkeys(map(service_of, QUEUES))
    }


def test_a_changed_table_is_a_changed_page():
    for path, generate in table_pages().values():
        assert path.read_text() == generate(), f"{path.name} is old: run `make contracts`."


def _drawn(text):
    tables = {
        name: sorted(line.strip() for line in body.splitlines() if line.strip())
        for name, body in re.findall(r"^    (\w+) \{\n(.*?)^    \}", text, re.MULTILINE | re.DOTALL)
    }
    return tables, set(re.findall(r"^    (\w+ \|\|--o\{ .*)$", text, re.MULTILINE))


@cache
def _text(page):
    return page.read_text()


def _anchors(page):
    titles = re.findall(r"^#+ (.*)$", _text(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@cache
def _names(path):
    """Names that a Python file defines, also inside its classes; or words of any other file."""
    if path.suffix != ".py":
        return set(re.findall(r"[\w-]+", path.read_text()))
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def _rooms():
    """Which rooms of `shared` each of them imports."""
    shared, rooms = ROOT / "shared", {}
    for path in shared.rglob("*.py"):
        place = path.relative_to(ROOT).with_suffix("").parts
        imports = rooms.setdefault(place[1], set())
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                start = ".".join(place[: len(place) - node.level]) if node.level else ""
                imports.add(".".join(filter(None, (start, node.module))))
    del rooms["__init__"]
    return {
        room: {name.split(".")[1] for name in imports if name.startswith("shared.")} - {room}
        for room, imports in rooms.items()
    }


@cache
def _code():
    """The text of every file of ours that has names in it."""
    files = [path for folder in FOLDERS[:-1] for path in (ROOT / folder).rglob("*.*")]
    files.append(ROOT / "docker-compose.yml")
    ours = [path for path in files if "node_modules" not in path.parts]
    return [path.read_text() for path in ours if path.suffix in SUFFIXES]


@cache
def _words():
    return {word for text in _code() for word in re.findall(r"\w+", text)}


@cache
def _quoted():
    return {name for text in _code() for name in re.findall(r'"(\w+\.\w+)"', text)}


def _field(name):
    found = SETTING.match(name)
    return found and found[2].lower()


@cache
def _tests():
    files = [*(ROOT / "tests").rglob("test_*.py")]
    written = {name for file in files for name in re.findall(r"def (test_\w+)", file.read_text())}
    return written | {file.stem for file in files}
