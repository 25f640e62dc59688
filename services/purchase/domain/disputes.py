"""
What banks and dashboards take back of a payment, as disputes with revisions.

A refund that we did not request is a dispute without an argument: lost from the start, and
won if its money comes back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from math import inf
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
    contradicted = any(with_evidence_of(found[each.id], each) != each for each in listed)
    return tuple(found.values()), contradicted


def follow_disputes(
    listed: Iterable[Dispute], known: Mapping[str, Dispute], *, credited: bool, newer: bool
) -> tuple[tuple[Dispute, ...], tuple[DisputeStep, ...]]:
    """
    Publish each dispute's opening first and then every change, in any order of arrival.

    A bank may change its mind about the amount and about who has won; each change that is
    published is a revision of its own. That a closed dispute is open counts only from an answer
    that is known to be newer: any other is old news. A deadline moves without a revision.
    """
    moved: list[Dispute] = []
    steps: list[DisputeStep] = []
    for answered in listed:
        before = known.get(answered.id)
        dispute = follow_evidence(answered, before, newer=newer)
        published = before.revision if before is not None else 0
        same = before is not None and (before.state, before.amount_minor) == (
            dispute.state,
            dispute.amount_minor,
        )
        if before is not None and (
            (same and (published or not credited))
            or (published and not newer and _goes_back(before, dispute))
        ):
            kept = with_evidence_of(before, dispute)
            moved += [kept] if kept != before else []
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


def follow_evidence(dispute: Dispute, before: Dispute | None, *, newer: bool) -> Dispute:
    """
    Return a dispute with what is known of its evidence after an answer.

    The newest answer counts, also if it knows no deadline any more. Of answers whose order is
    unknown, the one counts that leaves less time: so it is the same in any order, and too early
    rather than too late.
    """
    if before is None or newer:
        return dispute
    known = [each for each in (before.evidence_due_at, dispute.evidence_due_at) if each]
    return replace(
        dispute,
        evidence_due_at=min(known, default=None),
        evidence_submitted=before.evidence_submitted and dispute.evidence_submitted,
    )


def with_evidence_of(dispute: Dispute, other: Dispute) -> Dispute:
    """Return a dispute with the deadline of another, and with whether that has its evidence."""
    return replace(
        dispute,
        evidence_due_at=other.evidence_due_at,
        evidence_submitted=other.evidence_submitted,
    )


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


def _severity(dispute: Dispute) -> tuple[bool, int, bool, bool, float]:
    state, due_at = dispute.state, dispute.evidence_due_at
    return (
        state is not DisputeState.WON,
        dispute.amount_minor,
        state is DisputeState.LOST,
        not dispute.evidence_submitted,
        -due_at.timestamp() if due_at is not None else -inf,
    )


def _goes_back(before: Dispute, after: Dispute) -> bool:
    """Whether an answer is older than what is known, as far as its content shows."""
    if after.reason == ELSEWHERE:
        return after.state is DisputeState.WON or after.amount_minor < before.amount_minor
    return after.state is DisputeState.OPEN and before.state is not DisputeState.OPEN
