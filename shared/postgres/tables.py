"""Tables that a shared library defines, and each service has in its own database."""

import sys
from typing import Any, ClassVar, cast

from sqlmodel import SQLModel


class SharedTable(SQLModel):
    """The columns of a table that several services have, under one name."""

    table_name: ClassVar[str]


def add_tables(base: type[SQLModel], *shared: type[SharedTable]) -> None:
    """Make these tables a service's own, as classes of its `tables.py` that derive from `base`."""
    module, make = sys.modules[base.__module__], cast("Any", type(base))
    for each in shared:
        name = each.__name__.removesuffix("Columns")
        members = {"__tablename__": each.table_name, "__module__": base.__module__}
        setattr(module, name, make(name, (each, base), members, table=True))
