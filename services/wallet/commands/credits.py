"""Opening the lots of a purchase that was paid, and letting them follow what is known of it."""

from services.wallet.commands.disputes import report_foreign_claim
from services.wallet.commands.facts import lot_part, request_hash, require_same
from services.wallet.commands.holds import answer_hold
from services.wallet.commands.wallet_batch import Published, ViewerWallet
from services.wallet.domain import gift_payments
from services.wallet.domain.coins import COINS, Lot, Origin
from services.wallet.settings import Settings
from services.wallet.store.lots import NewLot
from shared.contracts.purchase import PurchasePaid
from shared.contracts.wallet import CoinsCredited, LotKind, lot_id
from shared.ledger.entries import MAIN

PURCHASE_REFERENCE = "purchase:{}"
# What was known of a purchase before its coins came; what its coins pay of older debts.
DERIVED_REFERENCE = "claims:{}"


def credit_purchase(
    wallet: ViewerWallet, paid: PurchasePaid, settings: Settings
) -> list[Published]:
    """Open the lots of a purchase; then let all coins follow what is known, and answer holds."""
    accounts = wallet.accounts
    reference = PURCHASE_REFERENCE.format(paid.purchase)
    asked = request_hash(
        *(paid.coins, paid.bonus_coins, paid.promo_coins, paid.amount_minor, paid.currency)
    )
    outcome = accounts.outcomes.get(reference)
    if outcome is not None:
        require_same(outcome, asked)
        return [(CoinsCredited.model_validate_json(outcome.known_result), outcome.number)]
    opened = _lots_of(paid, settings)
    coins = sum(new.lot.coins for new in opened)
    gift_payments.credit(accounts, reference=reference, coins=coins, request_hash=asked)
    wallet.opened += opened
    wallet.lots |= {new.lot.id: new.lot for new in opened}
    credited = CoinsCredited(
        viewer=paid.viewer,
        purchase=paid.purchase,
        coins=coins,
        lots=tuple(lot_part(new.lot, new.lot.coins) for new in opened),
        balance_coins=accounts.balance(MAIN, COINS),
    )
    version = accounts.record_result(credited.model_dump_json()).number
    legs = wallet.derive()
    if legs.postings():
        derived = DERIVED_REFERENCE.format(paid.purchase)
        wallet.decide(legs, kind="claim", reference=derived, request_hash=asked)
        accounts.record_result()
    report_foreign_claim(wallet, paid.purchase)
    published: list[Published] = [(credited, version)]
    for key, hold in wallet.facts.holds_of(paid.purchase).items():
        published += answer_hold(wallet, key, hold)
    return published


def _lots_of(paid: PurchasePaid, settings: Settings) -> list[NewLot]:
    """One lot for what was paid, one for the bonus and one for promo coins, which cost nothing."""
    kinds = (
        (
            *(Origin.PAID, paid.coins, paid.amount_minor, paid.tax_minor or 0),
            settings.paid_diamond_rate_bp,
        ),
        (Origin.BONUS, paid.bonus_coins, 0, 0, settings.bonus_diamond_rate_bp),
        # They cost nothing, and so earn no creator anything.
        (Origin.PROMO, paid.promo_coins, 0, 0, 0),
    )
    return [
        NewLot(
            user=paid.viewer,
            lot=Lot(
                id=lot_id(paid.purchase, LotKind(origin.value)),
                purchase=paid.purchase,
                origin=origin,
                coins=coins,
                remaining=coins,
                diamond_rate_bp=rate,
                price_minor=price_minor,
                tax_minor=tax_minor,
                currency=paid.currency,
                funded_at=paid.paid_at,
                expires_at=paid.promo_expires_at if origin is Origin.PROMO else None,
            ),
            channel=paid.channel,
            country=paid.country,
        )
        for origin, coins, price_minor, tax_minor, rate in kinds
        if coins
    ]
