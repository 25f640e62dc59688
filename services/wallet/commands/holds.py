"""
Holding coins: for a refund that was asked for, or because of a warning of fraud.

A hold that is known before its purchase is answered once the coins are there.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import TypeAlias
from uuid import UUID

from services.wallet.commands.facts import lot_part, request_hash
from services.wallet.commands.wallet_batch import (
    Published,
    ViewerWallet,
    open_wallets,
    write_wallets,
)
from services.wallet.domain.coins import COINS, Legs
from services.wallet.domain.derivation import (
    WARNING_PREFIX,
    Hold,
    HoldState,
    unspent_for_refund,
)
from services.wallet.store.purchase_facts import purchase_of_hold
from shared.backoffice.adjustments import audit
from shared.contracts.envelope import Cause
from shared.contracts.purchase import (
    PurchaseRefundDeclined,
    PurchaseRefunded,
    PurchaseRefundRequested,
    PurchaseRiskFlagged,
)
from shared.contracts.wallet import CoinsFrozen, CoinsRefunded, CoinsUnfrozen, HeldCoinsEvent
from shared.errors import Kind, Refusal
from shared.ledger.book import open_book
from shared.ledger.entries import MAIN
from shared.messaging.facts import Fact
from shared.postgres.database import Transaction

HOLD_REFERENCE = "freeze:{}"
REFUND_REFERENCE = "refund:{}"
RELEASE_REFERENCE = "release:{}"
# As many as a foreign id may have, in events and in addresses.
KEY_CHARACTERS_MAX = 128
_NOT_IN_A_PATH = re.compile(r"[\x00-\x1f\x7f-\x9f/\\]")

HoldRequest: TypeAlias = PurchaseRefundRequested | PurchaseRiskFlagged
HoldEvent: TypeAlias = HoldRequest | PurchaseRefunded | PurchaseRefundDeclined


class NoSuchFreeze(Refusal):
    """No coins of this wallet are kept for that."""

    kind = Kind.NOT_FOUND


class NotYoursToRelease(Refusal):
    """These coins are kept for a refund, which ends by itself."""

    kind = Kind.CONFLICT


def hold_key(event: HoldEvent) -> str:
    """
    Return what coins are held for: the refund, or the warning.

    An operator releases them by this key in a path: it has as many characters as fit, and none
    that cannot stand there.
    """
    if not isinstance(event, PurchaseRiskFlagged):
        return str(event.refund)
    key = WARNING_PREFIX + event.warning
    shown = _NOT_IN_A_PATH.sub("-", key)
    if shown == key and len(key) <= KEY_CHARACTERS_MAX:
        return key
    digest = sha256(event.warning.encode()).hexdigest()[:32]
    return f"{shown[: KEY_CHARACTERS_MAX - 33]}@{digest}"


def hold_references(event: HoldEvent) -> list[str]:
    """Return what may be decided because of a fact about a hold."""
    key = hold_key(event)
    if isinstance(event, PurchaseRefunded):
        return [REFUND_REFERENCE.format(key)]
    if isinstance(event, PurchaseRefundDeclined):
        return [RELEASE_REFERENCE.format(key)]
    return [HOLD_REFERENCE.format(key)]


def answers_of_hold(key: str) -> list[str]:
    """Return the references under which a hold that was known too early is answered."""
    return [HOLD_REFERENCE.format(key), REFUND_REFERENCE.format(key)]


def hold_coins(wallet: ViewerWallet, asked: HoldRequest) -> list[Published]:
    """Hold what is unspent of a purchase; that it is nothing is an answer too."""
    key = hold_key(asked)
    if replayed := _replayed(wallet, HOLD_REFERENCE.format(key), CoinsFrozen):
        return replayed
    hold = wallet.facts.holds.setdefault(
        key, Hold(asked.purchase, HoldState.HELD, isinstance(asked, PurchaseRiskFlagged))
    )
    if not wallet.lots_of(asked.purchase):
        return []
    return [_hold_unspent(wallet, key, hold)]


def void_coins(wallet: ViewerWallet, refunded: PurchaseRefunded) -> list[Published]:
    """Let coins be gone whose money went back, whether or not they were asked to be held."""
    key = hold_key(refunded)
    if replayed := _replayed(wallet, REFUND_REFERENCE.format(key), CoinsRefunded):
        return replayed
    hold = wallet.facts.holds.setdefault(
        key, Hold(refunded.purchase, HoldState.HELD, is_warning=False)
    )
    hold.refunded_coins = refunded.coins
    # A refund that failed after all stays failed, whichever is known first.
    if hold.state is HoldState.HELD:
        hold.state = HoldState.VOIDED
    if not wallet.lots_of(refunded.purchase):
        return []
    return [_void(wallet, key, hold)]


def decline_refund(wallet: ViewerWallet, declined: PurchaseRefundDeclined) -> list[Published]:
    """Give coins back whose money stays: the refund was refused, or failed later."""
    return release_hold(wallet, hold_key(declined), declined.purchase)


def release_hold(wallet: ViewerWallet, key: str, purchase: UUID) -> list[Published]:
    """Give coins back that were held; those that another reason holds stay held."""
    reference = RELEASE_REFERENCE.format(key)
    if replayed := _replayed(wallet, reference, CoinsUnfrozen):
        return replayed
    is_warning = key.startswith(WARNING_PREFIX)
    hold = wallet.facts.holds.setdefault(key, Hold(purchase, HoldState.RELEASED, is_warning))
    kept = {
        lot: wallet.lots[lot].held + wallet.lots[lot].refunded
        for lot in {*hold.held, *hold.refunded}
    }
    hold.state = HoldState.RELEASED
    legs = wallet.derive()
    freed = {
        lot: coins - wallet.lots[lot].held - wallet.lots[lot].refunded
        for lot, coins in kept.items()
    }
    freed = {lot: coins for lot, coins in freed.items() if coins > 0}
    return [_decide(wallet, legs, key, hold, CoinsUnfrozen, "release", reference, freed)]


async def release_warning(
    tx: Transaction, user: str, key: str, *, operator: str, reason: str, correlation_id: str
) -> None:
    """Release coins that are held because of a fraud warning, as an operator decided."""
    reference = RELEASE_REFERENCE.format(key)
    book = await open_book(tx, COINS, [(user, reference)])
    if reference in book[user].outcomes:
        return
    purchase = await purchase_of_hold(tx, user, key)
    if purchase is None:
        raise NoSuchFreeze(freeze=key)
    if not key.startswith(WARNING_PREFIX):
        raise NotYoursToRelease(freeze=key)
    wallets = await open_wallets(tx, book, [purchase])
    wallet = wallets[user]
    wallet.cause = Cause(correlation_id)
    now = book.recorded_at
    released = release_hold(wallet, key, purchase)
    await audit(
        tx, operator=operator, action="freeze.released", user=user, reason=reason, freeze=key
    )
    await write_wallets(
        tx, book, wallets, [Fact(*published, wallet.cause, now) for published in released], now
    )


def answer_hold(wallet: ViewerWallet, key: str, hold: Hold) -> list[Published]:
    """Answer what was asked of a purchase before its coins were there."""
    outcomes = wallet.accounts.outcomes
    if hold.state is HoldState.VOIDED and REFUND_REFERENCE.format(key) not in outcomes:
        return [_void(wallet, key, hold)]
    if hold.is_open and HOLD_REFERENCE.format(key) not in outcomes:
        return [_hold_unspent(wallet, key, hold)]
    return []


def _hold_unspent(wallet: ViewerWallet, key: str, hold: Hold) -> Published:
    lots = wallet.lots_of(hold.purchase)
    if hold.is_open and not hold.is_warning and hold.answered is None:
        others = (each for each in wallet.facts.holds.values() if each is not hold)
        hold.answered = unspent_for_refund(lots, others)
    reference = HOLD_REFERENCE.format(key)
    legs = wallet.derive()
    return _decide(wallet, legs, key, hold, CoinsFrozen, "freeze", reference, wallet.held(hold))


def _void(wallet: ViewerWallet, key: str, hold: Hold) -> Published:
    reference = REFUND_REFERENCE.format(key)
    legs = wallet.derive()
    gone = {lot: coins for lot, coins in hold.refunded.items() if coins}
    return _decide(wallet, legs, key, hold, CoinsRefunded, "refund", reference, gone)


def _decide(
    wallet: ViewerWallet,
    legs: Legs,
    key: str,
    hold: Hold,
    contract: type[HeldCoinsEvent],
    kind: str,
    reference: str,
    coins: Mapping[UUID, int],
) -> Published:
    wallet.decide(legs, kind=kind, reference=reference, request_hash=request_hash(hold.purchase))
    event = contract(
        viewer=wallet.accounts.user,
        purchase=hold.purchase,
        freeze=key,
        coins=sum(coins.values()),
        lots=tuple(lot_part(wallet.lots[lot], number) for lot, number in coins.items()),
        balance_coins=wallet.accounts.balance(MAIN, COINS),
    )
    return event, wallet.accounts.record_result(event.model_dump_json()).number


def _replayed(
    wallet: ViewerWallet, reference: str, contract: type[HeldCoinsEvent]
) -> list[Published]:
    """Return what was announced when this was decided, if it was."""
    outcome = wallet.accounts.outcomes.get(reference)
    return [(contract.model_validate_json(outcome.known_result), outcome.number)] if outcome else []
