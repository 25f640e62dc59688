"""Each rule of the house refuses what it names, and says where and what to do instead."""

import ast
import subprocess

import pytest

from deploy.checks import ROOT, clocks, files, names, shape, styles, texts, tracked_files, words
from deploy.checks.__main__ import findings, report

GLOSSARY = """
## Retired words

| word | say instead | only in | allowed |
|---|---|---|---|
| `movement` | entry | | |
| `tally`, `tallies` | reconciliation totals | | |
| `settle`, `settled` | apply | | `debt_settled` |
| `letter` | dead letter | | `*dead_letter*` |
| `cause` | `reference` | `shared/ledger/*` | `shared/ledger/old.py` |
| `again and again` | run forever | | |

## Another table

| `coin` | nothing | | |
"""


def refused(text, path="services/wallet/store/books.py"):
    """The names that a Python file may not have, each with its line."""
    found = names.of_python(path, ast.parse(text))
    return [
        (each.line, each.text.partition(":")[0])
        for each in words.check(path, found, words.retired_words(GLOSSARY))
    ]


def shapes(text, path="services/wallet/api/wallets.py"):
    return [(each.line, each.rule) for each in shape.check(path, text, ast.parse(text))]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("class MovementColumns: pass", "MovementColumns"),
        ("async def read_movements(tx): pass", "read_movements"),
        ("def read(*, movement): pass", "movement"),
        ("TALLIES = ()", "TALLIES"),
        ("class Entry:\n    tally: int", "tally"),
        ("self.settled_at = now()", "settled_at"),
        ("with begin() as movement: pass", "movement"),
        ("import entries as movements", "movements"),
        ("async def run_again_and_again(): pass", "run_again_and_again"),
        ("log.info('gift.settled')", "gift.settled"),
        ("app.command('settle')(run)", "settle"),
        ("Gauge('ovation_letters', 'How many wait')", "ovation_letters"),
        ("sa.Column('movement', BigInteger)", "movement"),
        ("text('SELECT posting, movement FROM postings')", "movement"),
    ],
)
def test_a_retired_word_is_refused_wherever_a_name_is_given(text, name):
    assert [each for _, each in refused(text)] == [name]


def test_a_word_is_refused_only_where_the_glossary_says():
    assert refused("def read(cause): pass") == []
    assert refused("def read(cause): pass", "shared/ledger/book.py") == [(1, "cause")]
    assert refused("def read(cause): pass", "shared/ledger/old.py") == []


def test_an_allowed_name_may_have_the_word():
    text = "class DebtSettled: pass\ndef debt_settled(): pass\nDEAD_LETTERS_MAX = 3\nsettlement = 1"

    assert refused(text) == []


def test_a_longer_word_is_another_word():
    assert refused("settlements = newsletter = totally = 1") == []


def test_names_used_are_not_refused_a_second_time():
    assert refused("movement = 1\nprint(movement)\nmovement = 2") == [(1, "movement")]


def test_public_fields_stay_as_they_are_published():
    text = "class WalletView:\n    settled: int"

    assert refused(text, "services/wallet/api/wallets.py") == []
    assert refused(text, "shared/contracts/wallet.py") == []
    assert refused(text, "services/wallet/domain/coins.py") == [(2, "settled")]


def test_prose_literals_and_names_of_tests_are_free():
    text = '''
def test_coins_are_settled():
    """UPDATE nothing before it is settled."""
    text("""
        SELECT 'settled' -- movement
        FROM entries WHERE state = :settled""")
'''

    assert refused(text) == []


def test_a_line_of_sql_is_found_in_its_file():
    assert refused('_READ = """\n  SELECT posting,\n    movement FROM postings"""') == [
        (3, "movement")
    ]


def test_a_file_name_is_a_name():
    path = "services/wallet/store/tallies.py"
    found = list(words.check(path, names.of_path(path), words.retired_words(GLOSSARY)))

    assert [str(each) for each in found] == [
        f"{path}:1: retired word: tallies: 'tallies' is retired; say reconciliation totals"
    ]


def test_a_glossary_without_the_table_is_refused():
    with pytest.raises(ValueError, match="Retired words"):
        words.retired_words("# Glossary")


def test_a_gerund_is_no_name_of_a_file():
    assert [each.rule for each in words.check_file_name("services/wallet/commands/proving.py")] == [
        "file name"
    ]
    assert not [*words.check_file_name("services/wallet/commands/pricing.py")]
    assert not [*words.check_file_name("shared/ledger/sealing.py")]


@pytest.mark.parametrize("method", ["get", "post", "websocket", "api_route"])
def test_a_route_inside_a_function_is_refused(method):
    text = f"""
def add_routes(router):
    @router.{method}("/wallets")
    async def read_wallet(): ...
"""

    assert shapes(text) == [(4, "route")]
    assert shapes(text, "tests/wallet/test_api.py") == []


def test_a_route_of_a_module_is_not_refused():
    assert shapes('@router.get("/wallets")\nasync def read_wallet(): ...') == []


@pytest.mark.parametrize(
    "text",
    [
        "Lot(*row)",
        "Lot(*row[1:], paid=paid)",
        "[Lot(*each) for each in rows]",
        "domain.Lot(*row)",
        "[*starmap(Lot, rows)]",
        "Lot._make(row)",
    ],
)
def test_a_row_by_position_is_refused(text):
    assert shapes(text) == [(1, "positional row")]
    assert shapes(text, "services/wallet/domain/coins.py") == []


@pytest.mark.parametrize("text", ["select(*columns)", "Lot(**row)", "METRIC(*labels)", "f(*row)"])
def test_other_calls_with_a_star_are_not_refused(text):
    assert shapes(text) == []


def test_a_long_function_and_a_long_file_are_refused():
    body = "    pass\n" * shape.FUNCTION_LINES_MAX
    rest = "\n" * shape.FILE_LINES_MAX

    assert shapes(f"def run():\n{body}") == [(1, "function size")]
    assert shapes(f"def run():\n{body[9:]}") == []
    assert shapes(rest) == []
    assert shapes(f"{rest}\n") == [(1, "file size")]


def test_a_constant_that_is_assigned_again_is_refused():
    assert shapes("_READ = 1\n_WRITE = 2\n_READ = 3\n") == [(3, "constant twice")]
    assert shapes("_READ = 1\n_read = 2\n\n\ndef run():\n    _READ = 3\n") == []


def clock_lines(text, root=ROOT):
    return [each.line for each in clocks.check("tests/test_new.py", ast.parse(text), root)]


@pytest.mark.parametrize(
    "text",
    [
        "NOW = datetime.now(UTC)",
        "TODAY = datetime.datetime.now(UTC).date()",
        "TODAY = date.today()",
        "BEFORE = {'at': int(time.time()) - 60}",
        "YEAR = f'{datetime.now(UTC):%Y}'",
        "YEAR = time.strftime('%Y')",
        "YEAR = time.gmtime().tm_year",
        "from time import time as seconds\nOLD = seconds() - 60",
        "DAYS = [datetime.now(UTC) + DAY for _ in range(3)]",
        "def read(now=datetime.now(UTC)): ...",
        "async def read(*, now=time.time()): ...",
        "read = lambda now=date.today(): now",
        "class Story:\n    began = datetime.now(UTC)",
        "class Story:\n    def read(self, now=datetime.now(UTC)): ...",
        "@pytest.mark.parametrize('claims', [{'exp': time.time()}])\ndef test_it(claims): ...",
        "def now(): return date.today()\ndef later(): return now() + DAY\n\nAT = later()",
        "class Story:\n    def __init__(self): self.at = date.today()\n\nSTORY = Story()",
        "def dated(run):\n    run.at = date.today()\n    return run\n\n@dated\ndef run(): ...",
        "from tests.clients import a_token as token\nMIRA = token('mira')",
        "from tests import clients\nMIRA = clients.a_token('mira')",
    ],
)
def test_a_clock_that_is_read_at_import_is_refused(text):
    assert len(clock_lines(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "def now(): return datetime.now(UTC)",
        "def read(now=None): return now or time.time()",
        "read = lambda: date.today()",
        "class Story:\n    at: datetime = field(default_factory=partial(datetime.now, UTC))",
        "def story():\n    def read(): return date.today()\n    return read\n\nREAD = story()",
        "NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)",
        "YEAR = time.strftime('%Y', time.gmtime(0))",
        "at = Column(default=func.now())",
        "STARTED = time.monotonic()",
        "if __name__ == '__main__':\n    print(date.today())",
    ],
)
def test_a_clock_that_is_read_by_what_runs_is_not_refused(text):
    assert clock_lines(text) == []


def test_a_clock_is_found_through_modules_that_import_each_other(tmp_path):
    (tmp_path / "one.py").write_text("from two import later\ndef now(): return date.today()\n")
    (tmp_path / "two.py").write_text("from one import now\ndef later(): return now() + DAY\n")

    assert clock_lines("\nfrom two import later\nAT = later()", tmp_path) == [3]


@pytest.mark.parametrize(
    "path", ["notes.txt", "services/wallet/helpers.py", "shared/util.py", "deploy/new/run.py"]
)
def test_a_stray_file_is_refused(path):
    assert [each.rule for each in files.check(path)] == ["stray file"]


@pytest.mark.parametrize(
    "path", ["README.md", "services/wallet/store/lots.py", "tests/wallet/test_lots.py"]
)
def test_a_file_in_its_place_is_not_refused(path):
    assert not [*files.check(path)]


def test_every_place_has_a_file():
    """A place that is empty goes from the list."""
    tracked = tracked_files()
    empty = [
        place
        for place in files.PLACES.split()
        if not any(not [*files.check(path, place)] for path in tracked)
    ]

    assert not empty


def test_new_files_are_checked_and_ignored_ones_are_not(tmp_path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text("made.py\n")
    for name in ("made.py", "stray.py"):
        (tmp_path / name).write_text("movement = 1\n")

    found = findings(root=tmp_path)

    assert {each.path for each in found} == {"stray.py"}
    assert {each.rule for each in found} == {"stray file", "retired word"}
    assert next(report(found)) == "\nstray.py: 1 retired word, 1 stray file"


def test_the_glossary_of_the_house_can_be_read():
    assert words.retired_words((ROOT / "docs" / "glossary.md").read_text())


@pytest.mark.parametrize(
    "declaration",
    [
        "margin-left: auto",
        "right: 0",
        "border-left-width: 1px",
        "text-align: right",
        "float: left",
        "border-top-left-radius: 1rem",
        "padding: 0 1rem 0 calc(1rem + (2px * 2))",
        "inset: 0 0 0 auto",
    ],
)
def test_a_side_in_a_style_is_refused(declaration):
    text = f"/* left: 0 */\n.a {{ {declaration} }}\n"

    assert [each.line for each in styles.check("services/web/static/a.css", text)] == [2]
    assert list(styles.check("deploy/a.css", text)) == []


@pytest.mark.parametrize(
    "declaration",
    [
        "margin-inline-start: auto",
        "inset-inline: auto 0",
        "padding: 0 calc(1rem + 2px) .5rem calc(1rem + 2px)",
        "text-align: start",
        ".left:hover { color: red }",
        "transition: transform 1s, left-over 2s",
    ],
)
def test_a_style_without_sides_is_allowed(declaration):
    assert list(styles.check("services/web/static/a.css", f".a {{ {declaration} }}")) == []


@pytest.mark.parametrize(
    "code",
    [
        'toast("Your coins are here.")',
        'el("p", {}, "Send")',
        'title: "nobody can end it early."',
        "`Level ${level} now`",
    ],
)
def test_a_text_in_code_is_found(code):
    (found,) = texts.check("services/web/static/console/a.js", f"// A comment.\n{code}\n")

    assert found.line == 2


@pytest.mark.parametrize(
    "code",
    [
        't("room.quiet")',
        'el("span", { class: "icon coin" })',
        "// Nobody reads this. It is a comment.",
        'throw new TypeError("This is no token.")',
        'if (event.key === "Escape") close();',
        "headers.Authorization = `Bearer ${token}`",
    ],
)
def test_what_nobody_reads_on_a_page_is_no_text(code):
    assert list(texts.check("services/web/static/a.js", code)) == []


def test_marks_are_the_same_in_each_language():
    assert list(texts.check("services/web/static/marks.js", 'klarna: "Klarna"')) == []
