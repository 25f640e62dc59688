"""Names of payees are looked for in lists of sanctions; a match waits for a person."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from services.payout.domain.payees import NoMatch, NoSuchPayee, Payee, ScreeningState
from services.payout.domain.screenings import ScreeningResult
from services.payout.providers import ProviderUnavailable
from services.payout.providers.screenings import Screening
from services.payout.store import contacts, payees, screenings
from services.payout.store.screenings import PayeeMatch, Screened
from shared.backoffice.adjustments import audit
from shared.identity.people import require_other_person
from shared.postgres.database import Part, Transaction

log = structlog.get_logger()

SCREENED_MAX = 200


@dataclass(frozen=True, slots=True)
class PayeeReview:
    """What a person sees who has to say whether two names are one person."""

    payee: Payee
    legal_name: str | None
    matches: Sequence[PayeeMatch]


async def screen_payees(part: Part, screening: Screening) -> bool:
    """
    Screen payees whom the current list has not been asked about; return whether there may be more.

    A new list has a new version, so it screens everybody again.
    """
    await screening.refresh()
    async with part.transaction() as tx:
        due = await screenings.due(tx, screening.list_version, SCREENED_MAX)
    for payee in due:
        try:
            result = await _screen(screening, payee)
        except ProviderUnavailable as error:
            log.warning("screening.unanswered", error=str(error)[:200])
            return False
        async with part.transaction() as tx:
            # The name of a payee that was replaced meanwhile says nothing of the next one.
            if await screenings.lock_revision(tx, payee):
                await _save(tx, payee, result)
    return len(due) == SCREENED_MAX


async def clear_payee(
    tx: Transaction, creator: str, currency: str, *, operator: str, reason: str
) -> Payee:
    """Record that the entries a payee matches are other people; later entries match again."""
    require_other_person(operator=operator, user=creator)
    if await payees.lock(tx, creator, currency) is None:
        raise NoSuchPayee
    entries = await screenings.clear(tx, creator, currency, operator)
    if not entries:
        raise NoMatch
    await audit(
        tx,
        operator=operator,
        action="payee.cleared",
        user=creator,
        reason=reason,
        currency=currency,
        entries=entries,
    )
    cleared = await payees.find(tx, creator, currency)
    assert cleared is not None
    return cleared


async def read_review(tx: Transaction, creator: str, currency: str) -> PayeeReview:
    """Return a payee with its holder's name, and what lists of sanctions have of that name."""
    payee = await payees.find(tx, creator, currency)
    if payee is None:
        raise NoSuchPayee
    contact = (await contacts.of_creator(tx, creator)).get(payee.revision)
    matches = await screenings.matches(tx, creator, payee.revision)
    return PayeeReview(payee, contact.legal_name if contact else None, matches)


async def _screen(screening: Screening, payee: Screened) -> ScreeningResult | str:
    """Return what a list says of a payee, or only which list it is if the payee has no name."""
    if payee.legal_name is None:
        return screening.list_version
    return await screening.screen(payee.legal_name, payee.country)


async def _save(tx: Transaction, payee: Screened, result: ScreeningResult | str) -> None:
    """Write what was found: a match, unless a person said of each entry that it is another one."""
    if isinstance(result, str):
        state, version = ScreeningState.UNSCREENED, result
    else:
        await screenings.save_matches(tx, payee, result)
        known = await screenings.matches(tx, payee.creator, payee.revision)
        cleared = {match.entry for match in known if match.cleared_at is not None}
        is_match = any(match.entry not in cleared for match in result.matches)
        state = ScreeningState.MATCH if is_match else ScreeningState.CLEAR
        version = result.list_version
    await screenings.save_state(tx, payee.creator, payee.currency, state, version)
    if state is ScreeningState.MATCH:
        log.warning("payee.matched", creator=payee.creator, currency=payee.currency)
