"""
What the statements of a service need of its tables: their columns with the types of PostgreSQL.

They are made from `tables.py`, so that a service that runs loads neither SQLModel nor SQLAlchemy.
`python -m deploy.docs.columns` writes the files; it imports no statement, because a statement may
name a column that is new.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from deploy.config.services import DATABASES
from deploy.docs.tables import classes_of, type_of

SERVICES = Path(__file__).parent.parent.parent / "services"
HEAD = '''\
"""
The columns of the tables of {service}, for its statements.

Written by deploy/docs/columns.py from services/{service}/tables.py: run `make contracts`.
"""

from shared.postgres.rows import Table
'''


def column_files() -> Mapping[str, tuple[Path, partial[str]]]:
    """Return each file's path and what writes it, by a name for `ovationctl contracts`."""
    return {
        f"{service} columns": (SERVICES / service / "columns.py", partial(column_file, service))
        for service in DATABASES
    }


def column_file(service: str) -> str:
    """Return the whole file of one service, as `ruff format` would leave it."""
    return "\n".join([HEAD.format(service=service), *_tables(service)]) + "\n"


def _tables(service: str) -> Iterator[str]:
    for each in classes_of(service):
        table = each.__table__
        yield f'{each.__name__} = Table(\n    "{table.name}",\n    {{'
        yield from (f'        "{column.name}": "{type_of(column)}",' for column in table.columns)
        yield "    },\n)"


def write_columns() -> None:
    for path, generate in column_files().values():
        path.write_text(generate())


if __name__ == "__main__":
    write_columns()
