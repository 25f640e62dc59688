"""Questions of stores: how much of a purchase was used, before the store refunds it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

# After this no store waits for an answer: Apple waits twelve hours, Google a day.
ANSWERABLE_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class StoreQuestion:
    """
    A question about a purchase, and as far as it is known how many of its coins are used.

    `question` is the id of the webhook event that asked: some stores want it in the answer.
    """

    viewer: str
    purchase: UUID
    id: UUID
    question: str
    asked_at: datetime
    coins: int | None = None
    used_coins: int | None = None


def question_id(namespace: UUID, provider: str, question: str) -> UUID:
    """Derive the id of a question; neither a provider's name nor its own id has a line break."""
    return uuid5(namespace, f"question|{provider}\n{question}")
