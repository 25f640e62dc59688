"""Why we say no: the one base class of every business refusal."""

import re
from enum import Enum
from typing import ClassVar


class Kind(Enum):
    """What a caller can do about a refusal."""

    MALFORMED = "malformed"  # mend the request
    UNAUTHENTICATED = "unauthenticated"  # say who you are
    PAYMENT = "payment"  # bring more coins
    FORBIDDEN = "forbidden"  # stop asking
    NOT_FOUND = "not_found"  # ask about something else
    CONFLICT = "conflict"  # ask again once the world has changed
    INVALID = "invalid"  # ask differently
    LIMITED = "limited"  # ask less, or end something first
    UNAVAILABLE = "unavailable"  # ask again later


class Refusal(Exception):
    """
    A request we understood and declined because of a rule.

    Subclasses are three lines: a name, a docstring that says why in words a support
    agent could read out, and a kind. The code is derived from the name and is stable:
    callers branch on it. The facts are what a caller needs to act.
    """

    kind: ClassVar[Kind]

    def __init__(self, **facts: object) -> None:
        super().__init__(self.title())
        self.facts = facts

    @classmethod
    def code(cls) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()

    @classmethod
    def title(cls) -> str:
        assert cls.__doc__, f"{cls.__name__} does not say why"
        return cls.__doc__.strip().splitlines()[0]
