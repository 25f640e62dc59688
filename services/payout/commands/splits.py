"""Splits: operators say with whom the gifts of a creator are shared."""

from services.payout.commands.valuations import open_books
from services.payout.domain.rate_plans import TermsExist, TooManyTerms
from services.payout.domain.rates import Rules
from services.payout.domain.splits import SPLITS_MAX, Split, SplitTooSoon, require_parties
from services.payout.store import splits as store
from shared.backoffice.adjustments import audit
from shared.identity.people import require_other_person
from shared.postgres.database import Transaction


async def set_split(
    tx: Transaction, creator: str, split: Split, *, operator: str, reason: str, rules: Rules
) -> None:
    """
    Share a creator's gifts from some moment on; the same split again changes nothing.

    Who earns of a gift follows from the time of the gift. So a split is known long before it
    begins, and never changes what was given before.
    """
    for person in (creator, *split.parties):
        require_other_person(operator=operator, user=person)
    require_parties(creator, split)
    book = await open_books(tx, [(creator, "split")], rules)
    known = (await store.read(tx, [creator])).get(creator, [])
    if any(each.effective_from == split.effective_from for each in known):
        if split not in known:
            raise TermsExist(effective_from=split.effective_from)
        return
    earliest = book.recorded_at + rules.rates.split_notice
    if split.effective_from < earliest:
        raise SplitTooSoon(earliest=earliest)
    if len(known) >= SPLITS_MAX:
        raise TooManyTerms(maximum=SPLITS_MAX)
    await store.add(tx, creator, split)
    await audit(
        tx,
        operator=operator,
        action="split.set",
        user=creator,
        reason=reason,
        parties=split.parties,
        shares_bp=split.shares_bp,
        effective_from=split.effective_from,
    )
