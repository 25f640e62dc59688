"""
What a ledger allows. Pure: no database, no clock.

Coins and diamonds never appear or vanish: they move, and every entry sums to zero per asset.
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
    """One leg of an entry: `amount` arrives at (or, negative, leaves) an account."""

    account: str
    asset: str
    amount: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    The permanent decision under a reference: an entry, or a refusal.

    `version` numbers the decisions about one user, +1 each; an entry carries the number of
    its decision. `result` is JSON: it is replayed if the same reference comes again.
    """

    reference: str
    version: int
    request_hash: bytes
    result: str
    moved: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A balanced set of postings, each with the balance after it (None for system accounts)."""

    user: str
    version: int
    kind: str
    reference: str
    postings: tuple[tuple[Posting, int | None], ...]


@dataclass(slots=True)
class LockedAccounts:
    """
    One user's accounts, locked while a batch is decided.

    Decisions follow the order of arrival, each against the balances after the one before it:
    `post` or `refuse`, then `record_result` with the published event.
    """

    user: str
    version: int = 0
    balances: dict[tuple[str, str], int] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    decided: list[Outcome] = field(default_factory=list)
    # Other facts about this user that a service needs for its decisions.
    notes: dict[str, int] = field(default_factory=dict)
    _open: tuple[str, bytes, bool] | None = None

    @property
    def has_open_decision(self) -> bool:
        """Whether the last decision still lacks its result."""
        return self._open is not None

    def balance(self, account: str, asset: str) -> int:
        return self.balances.get((account, asset), 0)

    def post(
        self, *, kind: str, reference: str, postings: tuple[Posting, ...], request_hash: bytes
    ) -> int:
        """Move assets, all at once or not at all; return the number of the decision."""
        assert postings
        sums: dict[str, int] = {}
        for posting in postings:
            assert posting.amount != 0
            sums[posting.asset] = sums.get(posting.asset, 0) + posting.amount
        assert not any(sums.values()), f"{reference} does not sum to zero"

        self._decide(reference, request_hash, moved=True)
        after = tuple([(posting, self._apply(posting)) for posting in postings])
        self.entries.append(Entry(self.user, self.version, kind, reference, after))
        return self.version

    def refuse(self, *, reference: str, request_hash: bytes) -> int:
        """Refuse the reference for ever; return the number of the decision."""
        self._decide(reference, request_hash, moved=False)
        return self.version

    def record_result(self, result: str) -> Outcome:
        """Keep the result of the last decision, so that it can be replayed."""
        assert self._open is not None, "there is no open decision"
        reference, request_hash, moved = self._open
        outcome = Outcome(reference, self.version, request_hash, result, moved)
        self._open = None
        self.outcomes[reference] = outcome
        self.decided.append(outcome)
        return outcome

    def _decide(self, reference: str, request_hash: bytes, *, moved: bool) -> None:
        assert self._open is None, f"{self._open} has no result"
        assert reference not in self.outcomes, f"{reference} was decided before"
        self.version += 1
        self._open = (reference, request_hash, moved)

    def _apply(self, posting: Posting) -> int | None:
        if posting.account.startswith(SYSTEM_PREFIX):
            return None
        balance = self.balance(posting.account, posting.asset) + posting.amount
        assert balance >= 0 or posting.account == DEBT, f"{posting.account} would be negative"
        self.balances[posting.account, posting.asset] = balance
        return balance
