"""
What a ledger allows. Pure: no database, no clock.

Units never appear or vanish: they move, and every movement sums to zero.
"""

from dataclasses import dataclass, field

MAIN = "main"
HELD = "held"
PENDING = "pending"
DEBT = "debt"
# System accounts are named with an at sign; only they and debt may be negative.
SYSTEM_PREFIX = "@"


@dataclass(frozen=True, slots=True)
class Posting:
    """One leg of a movement: `amount` arrives at (or, negative, leaves) an account."""

    account: str
    unit: str
    amount: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What was decided under a cause, for ever: a movement, or a refusal.

    `version` numbers the decisions about one user, +1 each; a movement carries the number of
    its decision. `result` is JSON: what has to be said again if the same cause comes again.
    """

    cause: str
    version: int
    request_hash: bytes
    result: str
    moved: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A movement as it will stand in the books, with the balances it led to."""

    user: str
    version: int
    kind: str
    cause: str
    postings: tuple[tuple[Posting, int | None], ...]


@dataclass(slots=True)
class Holder:
    """
    One user's accounts, locked, while a batch is being decided.

    Decisions are made one after another in the order in which they arrived, each against the
    balances the one before it left: `post` or `refuse`, then `conclude` with what is announced.
    """

    user: str
    version: int = 0
    balances: dict[tuple[str, str], int] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    decided: list[Outcome] = field(default_factory=list)
    # What else a service has to know about this user while it decides.
    notes: dict[str, int] = field(default_factory=dict)
    _open: tuple[str, bytes, bool] | None = None

    @property
    def undecided(self) -> bool:
        """Whether a decision still lacks its conclusion."""
        return self._open is not None

    def balance(self, account: str, unit: str) -> int:
        return self.balances.get((account, unit), 0)

    def post(
        self, *, kind: str, cause: str, postings: tuple[Posting, ...], request_hash: bytes
    ) -> int:
        """Move units, all at once or not at all; return the number of the decision."""
        assert postings
        sums: dict[str, int] = {}
        for posting in postings:
            assert posting.amount != 0
            sums[posting.unit] = sums.get(posting.unit, 0) + posting.amount
        assert not any(sums.values()), f"{cause} does not sum to zero"

        self._decide(cause, request_hash, moved=True)
        after = tuple([(posting, self._apply(posting)) for posting in postings])
        self.entries.append(Entry(self.user, self.version, kind, cause, after))
        return self.version

    def refuse(self, *, cause: str, request_hash: bytes) -> int:
        """Remember that nothing moves under this cause, ever; return the decision's number."""
        self._decide(cause, request_hash, moved=False)
        return self.version

    def conclude(self, result: str) -> Outcome:
        """Keep what was announced about the last decision, so that it can be said again."""
        assert self._open is not None, "there is no decision to conclude"
        cause, request_hash, moved = self._open
        outcome = Outcome(cause, self.version, request_hash, result, moved)
        self._open = None
        self.outcomes[cause] = outcome
        self.decided.append(outcome)
        return outcome

    def _decide(self, cause: str, request_hash: bytes, *, moved: bool) -> None:
        assert self._open is None, f"{self._open} was not concluded"
        assert cause not in self.outcomes, f"{cause} was decided before"
        self.version += 1
        self._open = (cause, request_hash, moved)

    def _apply(self, posting: Posting) -> int | None:
        if posting.account.startswith(SYSTEM_PREFIX):
            return None
        balance = self.balance(posting.account, posting.unit) + posting.amount
        assert balance >= 0 or posting.account == DEBT, f"{posting.account} would be negative"
        self.balances[posting.account, posting.unit] = balance
        return balance
