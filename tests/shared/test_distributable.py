"""
Statements that an engine can send to the node of a part: Citus 12 or newer, with a schema a part.

What is assigned to a row must be the same on every node. So a time or an id that is made anew comes
as a parameter, or out of a sub-select of FROM. `docs/decisions/0020-a-schema-a-part.md` has what
Citus says of each kind.
"""

import importlib
import pkgutil
import re

import pytest

import shared
from deploy.config.services import PARTED
from shared.postgres.statements import Statement, text

# Another value each time it is called.
VOLATILE = re.compile(
    r"\b(clock_timestamp|gen_random_uuid|random|nextval|timeofday)\s*\(", re.IGNORECASE
)
# The same during a transaction, which other nodes do not share.
STABLE = re.compile(
    r"\b(now|statement_timestamp|transaction_timestamp)\s*\(|\b(current_timestamp|current_date)\b",
    re.IGNORECASE,
)
# A time with its zone and an interval: the sum depends on the session's zone.
INTERVAL = re.compile(
    r"(?P<left>[\w.)]+)\s*[+-]\s*"
    r"(interval\b|make_interval\s*\(|CAST\(:?\w+ AS interval\)|[:$]\w+::interval)",
    re.IGNORECASE,
)
QUOTED = re.compile(r"'[^']*'|--[^\n]*")
UPDATE = re.compile(r"\bUPDATE\s+(?!SET\b)[\w{}]+(?:\s+AS\s+\w+)?\s+SET\b", re.IGNORECASE)
DO_UPDATE = re.compile(r"\bDO\s+UPDATE\s+SET\b", re.IGNORECASE)
# Where a clause at the depth of the assignments ends them.
NEXT_CLAUSE = re.compile(r"\b(FROM|WHERE|RETURNING)\b|;", re.IGNORECASE)
SKIPPED = re.compile(r"\.(migrations|tables|main)(\.|$)|^shared\.(kit|contracts|postgres\.migrate)")


def all_statements():
    """Every statement of the services that can have parts, and of what all share, by its place."""
    packages = [shared, *(importlib.import_module(f"services.{name}") for name in PARTED)]
    for package in packages:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if SKIPPED.search(found.name):
                continue
            module = importlib.import_module(found.name)
            for name, value in vars(module).items():
                source = value.text if isinstance(value, Statement) else value
                if isinstance(source, str) and name.startswith("_") and name.isupper():
                    yield f"{found.name}.{name}", source


def refused(source):
    """What an engine refuses of a statement's assignments."""
    sql = QUOTED.sub("''", source)
    for found in UPDATE.finditer(sql):
        assignments = clause(sql, found.end())
        conditions = own_level(sql[found.end() + len(assignments) :])
        yield from (f"UPDATE: {each[0]}" for each in VOLATILE.finditer(assignments))
        if re.search(r"\b(CASE|COALESCE)\b", assignments, re.IGNORECASE):
            yield from (f"CASE: {each[0]}" for each in STABLE.finditer(assignments))
            yield from (f"CASE: {each[0]}" for each in INTERVAL.finditer(assignments))
        for each in (*INTERVAL.finditer(assignments), *INTERVAL.finditer(conditions)):
            # Without a column, as `now() + ...`, it is one value for all rows.
            if each["left"] not in (")", "timestamptz)"):
                yield f"UPDATE: {each[0]}"
    for found in DO_UPDATE.finditer(sql):
        assignments = clause(sql, found.end())
        for kind in (VOLATILE, STABLE, INTERVAL):
            yield from (f"DO UPDATE: {each[0]}" for each in kind.finditer(assignments))


def clause(sql, start):
    """The assignments that begin here, with what is inside of their brackets."""
    depth = 0
    for at in range(start, len(sql)):
        if sql[at] == "(":
            depth += 1
        elif sql[at] == ")":
            depth -= 1
            if depth < 0:
                return sql[start:at]
        elif not depth and NEXT_CLAUSE.match(sql, at) and not sql[at - 1].isalnum():
            return sql[start:at]
    return sql[start:]


def own_level(sql):
    """The rest of a statement without what is inside of sub-selects."""
    kept, depth = [], 0
    for sign in sql:
        depth -= sign == ")"
        if depth < 0:
            break
        if not depth:
            kept.append(sign)
        depth += sign == "("
    return "".join(kept)


def test_no_statement_assigns_what_every_node_would_make_anew():
    assert [(name, fault) for name, sql in all_statements() for fault in refused(sql)] == []


def test_the_statements_are_found():
    names = {name for name, _ in all_statements()}

    assert {"services.wallet.store.limits._BUDGETS", "shared.messaging.inbox._ACCEPT"} <= names
    assert len(names) > 100


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE seals SET at = clock_timestamp() WHERE block = :block",
        "UPDATE seals SET id = gen_random_uuid()",
        "INSERT INTO a (b) VALUES (:b) ON CONFLICT (b) DO UPDATE SET at = now()",
        "UPDATE a SET due = CASE WHEN b THEN now() END",
        "UPDATE a SET due = due + interval '1 day' WHERE b",
        "UPDATE a SET b = 1 WHERE due + make_interval(secs => :seconds) > :now",
        "WITH gone AS (UPDATE a SET due = clock_timestamp() RETURNING 1) SELECT count(*) FROM gone",
        "UPDATE a SET (b, c) = (SELECT 1, clock_timestamp())",
    ],
)
def test_what_an_engine_refuses_is_seen(statement):
    assert list(refused(text(statement).text))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO a (at) VALUES (clock_timestamp()) ON CONFLICT DO NOTHING",
        "INSERT INTO a (at) VALUES (now()) ON CONFLICT (b) DO UPDATE SET at = excluded.at",
        "UPDATE a SET due = new.due FROM (SELECT now() + interval '1 day' AS due) AS new",
        "UPDATE a SET due = :due WHERE due <= now()",
        "UPDATE a SET due = now() + make_interval(secs => :seconds)",
        "DELETE FROM a WHERE at < now() - interval '1 day'",
    ],
)
def test_what_a_node_can_do_is_not_refused(statement):
    assert list(refused(text(statement).text)) == []
