"""
What banks and dashboards take back of a payment, as disputes with revisions.

A refund that we did not request is a dispute without an argument: lost from the start, and
won if its money comes back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TypeAlias

from services.purchase.domain.purchases import Dispute, DisputeState, Payment, Status

ELSEWHERE = "refunded-elsewhere"
_ID_CHARACTERS_MAX = 128


@dataclass(frozen=True, slots=True)
class Disputed:
    """The bank wants the money back."""

    dispute: Dispute


@dataclass(frozen=True, slots=True)
class DisputeClosed:
    """The bank has decided."""

    dispute: Dispute


DisputeStep: TypeAlias = Disputed | DisputeClosed


def one_of_each(listed: Sequence[Dispute]) -> tuple[tuple[Dispute, ...], bool]:
    """
    Return each dispute of an answer once, and whether the answer contradicts itself.

    Of a dispute that is listed several times, the line that claims most counts until a person has
    looked: coins that are given back too early would not come again.
    """
    found: dict[str, Dispute] = {}
    for dispute in listed:
        before = found.get(dispute.id, dispute)
        found[dispute.id] = max(before, dispute, key=_severity)
    return tuple(found.values()), any(found[each.id] != each for each in listed)


def follow_disputes(
    listed: Iterable[Dispute], known: Mapping[str, Dispute], *, credited: bool, newer: bool
) -> tuple[tuple[Dispute, ...], tuple[DisputeStep, ...]]:
    """
    Publish each dispute's opening first and then every change, in any order of arrival.

    A bank may change its mind about the amount and about who has won; each change that is
    published is a revision of its own. That a closed dispute is open counts only from an answer
    that is known to be newer: any other is old news.
    """
    moved: list[Dispute] = []
    steps: list[DisputeStep] = []
    for dispute in listed:
        before = known.get(dispute.id)
        published = before.revision if before is not None else 0
        same = before is not None and (before.state, before.amount_minor) == (
            dispute.state,
            dispute.amount_minor,
        )
        if same and (published or not credited):
            continue
        if published and not newer and before is not None and _goes_back(before, dispute):
            continue
        news: list[DisputeStep] = []
        if credited:
            if not published or dispute.state is DisputeState.OPEN:
                news.append(Disputed(replace(dispute, revision=published + 1)))
            if dispute.state is not DisputeState.OPEN:
                closed = replace(dispute, revision=published + len(news) + 1)
                news.append(DisputeClosed(closed))
        steps += news
        moved.append(news[-1].dispute if news else replace(dispute, revision=published))
    return tuple(moved), tuple(steps)


def refunded_elsewhere(
    payment: Payment, known: Mapping[str, Dispute], *, ours_minor: int
) -> tuple[Dispute, ...]:
    """Return the dispute over what went back without us, if anything did, or does no longer."""
    amount_minor = payment.refunded_minor - ours_minor
    dispute = elsewhere_id(payment.id)
    before = known.get(dispute)
    state = DisputeState.LOST
    if amount_minor <= 0:
        if before is None:
            return ()
        # It failed, or was ours all along: the amount is that of what is over.
        amount_minor, state = before.amount_minor, DisputeState.WON
    if payment.status is not Status.SUCCEEDED:
        return ()
    return (Dispute(dispute, payment.id, state, ELSEWHERE, amount_minor, payment.currency),)


def elsewhere_id(payment: str) -> str:
    return f"refund:{payment}"[:_ID_CHARACTERS_MAX]


def distinct(dispute: Dispute, known: Mapping[str, Dispute]) -> Dispute:
    """
    Return a dispute under an id of its own within its purchase.

    The bank numbers the disputes of a payment. Two payments of one purchase may have disputes of
    the same number: the second one we learn of gets its payment into its id.
    """
    before = known.get(dispute.id)
    if before is None or before.payment == dispute.payment:
        return dispute
    apart = sha256(dispute.payment.encode()).hexdigest()[:32]
    return replace(dispute, id=f"{dispute.id[: _ID_CHARACTERS_MAX - 33]}@{apart}")


def is_foreign(dispute: Dispute, currency: str) -> bool:
    """Whether its amount says nothing about its payment: it is in another currency."""
    return dispute.currency != currency


def claims(dispute: Dispute) -> bool:
    """Whether a bank has the money, or is about to: such a purchase is not refunded as well."""
    return dispute.state is not DisputeState.WON and dispute.amount_minor > 0


def claimed_minor(dispute: Dispute | None) -> int:
    """Return what a dispute takes, as published: nothing before it was, nothing once it is won."""
    if dispute is None or not dispute.revision or dispute.state is DisputeState.WON:
        return 0
    return dispute.amount_minor


def given_back_minor(disputes: Iterable[Dispute], payment: Payment, *, credited: bool) -> int:
    """
    Return what went back of a payment without our refunds, as far as its amount is known.

    Of money that bought coins only what was published counts: a dispute in another currency waits
    for a person.
    """
    return sum(
        each.amount_minor
        for each in disputes
        if each.payment == payment.id
        and each.state is not DisputeState.WON
        and not is_foreign(each, payment.currency)
        and (each.revision or not credited)
    )


def _severity(dispute: Dispute) -> tuple[bool, int, bool]:
    state, amount_minor = dispute.state, dispute.amount_minor
    return state is not DisputeState.WON, amount_minor, state is DisputeState.LOST


def _goes_back(before: Dispute, after: Dispute) -> bool:
    """Whether an answer is older than what is known, as far as its content shows."""
    if after.reason == ELSEWHERE:
        return after.state is DisputeState.WON or after.amount_minor < before.amount_minor
    return after.state is DisputeState.OPEN and before.state is not DisputeState.OPEN
