"""Rates that were announced, and the plans that creators were assigned."""

from collections.abc import Sequence

from services.payout import columns as tables
from services.payout.domain.rate_plans import Assignment, PlanVersion, Rate
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, insert_rows
from shared.postgres.statements import text

_rate = RowMapper(Rate, tables.RateAnnouncement)
_assignment = RowMapper(Assignment, tables.RateAssignment)


async def announced(tx: Transaction) -> list[PlanVersion]:
    """Return every version that was announced, and keep other instances from announcing more."""
    await tx.execute(_LOCK)
    rows = await tx.execute(_ANNOUNCED)
    return [PlanVersion(row.plan, row.effective_from, _rate(row)) for row in rows]


async def add_announcements(tx: Transaction, versions: Sequence[PlanVersion]) -> None:
    if versions:
        columns = {
            "version": [each.rate.version for each in versions],
            "plan": [each.plan for each in versions],
            "effective_from": [each.effective_from for each in versions],
            "currency": [each.rate.currency for each in versions],
            "value_minor_per_1000": [each.rate.value_minor_per_1000 for each in versions],
        }
        await tx.execute(_ADD_ANNOUNCEMENTS, columns)


async def assigned_plans(tx: Transaction) -> list[str]:
    """Return every plan that some creator was ever assigned."""
    return [row.plan for row in await tx.execute(_ASSIGNED_PLANS)]


async def assignments_of(tx: Transaction, creator: str) -> list[Assignment]:
    """Return the plans a creator was assigned, the oldest first."""
    rows = await tx.execute(_ASSIGNMENTS, {"creator": creator})
    return [_assignment(row) for row in rows]


async def assign(tx: Transaction, creator: str, assignment: Assignment) -> None:
    """Assign a creator a plan; their accounts are locked."""
    values = {
        "creator": [creator],
        "effective_from": [assignment.effective_from],
        "plan": [assignment.plan],
    }
    await tx.execute(_ASSIGN, values)


# Instances start together, and each version is announced once.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('rate announcements', 0))")
_ANNOUNCED = text("SELECT * FROM rate_announcements")
_ADD_ANNOUNCEMENTS = insert_rows(
    tables.RateAnnouncement,
    *("version", "plan", "effective_from", "currency", "value_minor_per_1000"),
)
_ASSIGNED_PLANS = text("SELECT DISTINCT plan FROM rate_assignments")
_ASSIGNMENTS = text(f"""
    SELECT {_assignment.columns} FROM rate_assignments
    WHERE creator = :creator ORDER BY effective_from
""")  # noqa: S608 - our own text only
_ASSIGN = insert_rows(tables.RateAssignment, "creator", "effective_from", "plan")
