"""What stores asked about purchases, and what they are answered."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from services.purchase import columns as tables
from services.purchase.domain.questions import StoreQuestion
from services.purchase.store.checks import NEXT_CHECK
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows
from shared.postgres.statements import text

QUESTION_DUE = "store_questions"

_FIELDS = tuple(field.name for field in fields(StoreQuestion))
_question = RowMapper(StoreQuestion, tables.StoreQuestion)
_ADD = insert_rows(
    tables.StoreQuestion,
    *(*_FIELDS, "next_check_at"),
    then="ON CONFLICT (viewer, purchase, id) DO NOTHING RETURNING id",
)


async def add(tx: Transaction, questions: Sequence[StoreQuestion]) -> set[UUID]:
    """Record questions about locked purchases; return the new ones. What is known is due."""
    if not questions:
        return set()
    due = [each.asked_at if each.coins is not None else None for each in questions]
    if any(due):
        tx.wake(QUESTION_DUE)
    rows = await tx.execute(_ADD, {**arrays(questions, *_FIELDS), "next_check_at": due})
    return {row.id for row in rows}


_RECORD = text("""
    UPDATE store_questions
    SET coins = new.coins, used_coins = new.used_coins, next_check_at = CAST(:now AS timestamptz)
    FROM (
        SELECT * FROM unnest(
            CAST(:id AS uuid[]), CAST(:coins AS bigint[]), CAST(:used_coins AS bigint[])
        ) AS given (id, coins, used_coins) LIMIT cardinality(CAST(:id AS uuid[]))
    ) AS new
    WHERE store_questions.id = new.id AND store_questions.coins IS NULL
""")


@dataclass(frozen=True, slots=True)
class Usage:
    """How many coins of the purchase that a question is about are used."""

    id: UUID
    coins: int
    used_coins: int


async def record_usage(tx: Transaction, known: Sequence[Usage], *, now: datetime) -> None:
    """Record how many coins are used, once for each question, and let the stores be told."""
    ordered = sorted(set(known), key=lambda each: each.id)
    await tx.execute(_RECORD, {**arrays(ordered, "id", "coins", "used_coins"), "now": now})
    tx.wake(QUESTION_DUE)


_CLAIM = text(f"""
    UPDATE store_questions SET checks = store_questions.checks + 1, next_check_at = due.next
    FROM (
        SELECT viewer, purchase, id, {NEXT_CHECK} AS next FROM store_questions
        WHERE next_check_at <= CAST(:now AS timestamptz)
        ORDER BY next_check_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE store_questions.viewer = due.viewer AND store_questions.purchase = due.purchase
      AND store_questions.id = due.id
    RETURNING {_question.columns}
""")  # noqa: S608 - our own text only


async def claim(tx: Transaction, *, now: datetime, limit: int) -> list[StoreQuestion]:
    """Take the questions that can be answered now, until their next turn."""
    return [_question(row) for row in await tx.execute(_CLAIM, {"now": now, "limit": limit})]


_END = text("""
    UPDATE store_questions SET next_check_at = NULL, rejected = CAST(:rejected AS text),
        answered_at = CASE WHEN CAST(:rejected AS text) IS NULL
                           THEN CAST(:now AS timestamptz) END
    WHERE viewer = :viewer AND purchase = :purchase AND id = :id AND next_check_at IS NOT NULL
""")


async def end(
    tx: Transaction, question: StoreQuestion, *, now: datetime, rejected: str | None = None
) -> None:
    """Record that a store was answered, or that it takes no answer, and why."""
    about = {"viewer": question.viewer, "purchase": question.purchase, "id": question.id}
    await tx.execute(_END, {**about, "now": now, "rejected": rejected})
