"""
What a ledger allows. Pure: no database, no clock.

Coins and diamonds never appear or vanish: they move, and every entry sums to zero per asset.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias
from uuid import UUID

MAIN = "main"
HELD = "held"
PENDING = "pending"
DEBT = "debt"
# System accounts are named with an at sign; only they and debt may be negative.
SYSTEM_PREFIX = "@"
# What follows is the gift's id.
GIFT_PREFIX = "gift:"

# How much an entry took out of a lot.
LotSlice: TypeAlias = tuple[UUID, int]


class Posting(NamedTuple):
    """One leg of an entry: `amount` arrives at (or, negative, leaves) an account."""

    account: str
    asset: str
    amount: int


@dataclass(slots=True)
class Entry:
    """
    The permanent decision under a reference: a balanced set of postings, or a refusal.

    `number` counts the decisions about one user; `kind` is None if nothing moved. Each posting has
    its balance after it, None for a system account, up to the last that has one. `result` is JSON,
    which is replayed if the same reference comes again; None if it follows from the rest. Of an
    entry that was made earlier, postings and slices are not read.
    """

    number: int
    reference: str
    request_hash: bytes
    kind: str | None = None
    postings: Sequence[Posting] = ()
    balances_after: Sequence[int | None] = ()
    slices: Sequence[LotSlice] = ()
    result: str | None = None

    @property
    def moved(self) -> bool:
        return self.kind is not None

    @property
    def known_result(self) -> str:
        """The result, of a decision that has one or was made earlier."""
        assert self.result is not None, f"{self.reference} has no result"
        return self.result


@dataclass(slots=True)
class LockedAccounts:
    """
    One user's accounts, locked while a batch is decided.

    Decisions follow the order of arrival, each against the balances after the one before it:
    `post` or `refuse`, then `record_result` with the published event. `outcomes` has the decisions
    of the batch's references, made earlier or now; `entries` those that were made now.
    """

    user: str
    version: int = 0
    balances: dict[tuple[str, str], int] = field(default_factory=dict)
    outcomes: dict[str, Entry] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    # Other facts about this user that a service needs for its decisions.
    notes: dict[str, object] = field(default_factory=dict)
    _open: Entry | None = None

    @property
    def has_open_decision(self) -> bool:
        """Whether the last decision still lacks its result."""
        return self._open is not None

    def balance(self, account: str, asset: str) -> int:
        return self.balances.get((account, asset), 0)

    def post(
        self,
        *,
        kind: str,
        reference: str,
        postings: Sequence[Posting],
        request_hash: bytes,
        slices: Sequence[LotSlice] = (),
    ) -> int:
        """Move assets, all at once or not at all; return the number of the decision."""
        assert _is_balanced(postings), f"{reference} does not sum to zero"
        number = self._next_number(reference)
        after = [self._apply(posting) for posting in postings]
        while after and after[-1] is None:
            after.pop()
        self._open = Entry(number, reference, request_hash, kind, postings, after, slices)
        return number

    def refuse(self, *, reference: str, request_hash: bytes) -> int:
        """Refuse the reference for ever; return the number of the decision."""
        number = self._next_number(reference)
        self._open = Entry(number, reference, request_hash)
        return number

    def record_result(self, result: str | None = None) -> Entry:
        """Keep the result of the last decision, so that it can be replayed."""
        entry = self._open
        assert entry is not None, "there is no open decision"
        entry.result, self._open = result, None
        self.outcomes[entry.reference] = entry
        self.entries.append(entry)
        return entry

    def _next_number(self, reference: str) -> int:
        assert self._open is None, f"{self._open} has no result"
        assert reference not in self.outcomes, f"{reference} was decided before"
        self.version += 1
        return self.version

    def _apply(self, posting: Posting) -> int | None:
        account, asset, amount = posting
        if account.startswith(SYSTEM_PREFIX):
            return None
        balance = self.balances.get((account, asset), 0) + amount
        assert balance >= 0 or account == DEBT, f"{account} would be negative"
        self.balances[account, asset] = balance
        return balance


def _is_balanced(postings: Sequence[Posting]) -> bool:
    """Whether the amounts of each asset sum to zero, and none of them is zero."""
    assert postings
    if len(postings) == 2:
        # Nearly all entries are so, and this takes half of the time.
        (_, first, left), (_, second, right) = postings
        return first == second and left == -right != 0
    sums: dict[str, int] = {}
    for _, asset, amount in postings:
        assert amount != 0
        sums[asset] = sums.get(asset, 0) + amount
    return not any(sums.values())
