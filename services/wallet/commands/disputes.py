"""Following disputes: what a bank claims of a purchase's money, and gives back if it is won."""

from typing import TypeAlias
from uuid import UUID

import structlog

from services.wallet.commands.facts import request_hash
from services.wallet.commands.wallet_batch import ViewerWallet
from services.wallet.domain.derivation import Claim, has_foreign_claim
from shared.contracts.purchase import PurchaseDisputeClosed, PurchaseDisputed
from shared.observability.metrics import CONTRADICTIONS

log = structlog.get_logger()

Dispute: TypeAlias = PurchaseDisputed | PurchaseDisputeClosed
DISPUTE_REFERENCE = "dispute:{}:{}:{}"


def apply_dispute(wallet: ViewerWallet, dispute: Dispute) -> None:
    """Keep the newest revision of a dispute, and let all coins follow it."""
    reference = DISPUTE_REFERENCE.format(dispute.purchase, dispute.dispute, dispute.revision)
    if reference in wallet.accounts.outcomes:
        return
    won = isinstance(dispute, PurchaseDisputeClosed) and dispute.won
    about = (dispute.purchase, dispute.dispute)
    known = wallet.facts.claims.get(about)
    if known is None or dispute.revision > known.revision:
        minor = 0 if won else dispute.amount_minor
        wallet.facts.claims[about] = Claim(dispute.revision, minor, dispute.currency)
    wallet.decide(
        wallet.derive(),
        kind="dispute",
        reference=reference,
        request_hash=request_hash(dispute.amount_minor, dispute.currency, won),
    )
    wallet.accounts.record_result()
    report_foreign_claim(wallet, dispute.purchase)


def is_stale(wallet: ViewerWallet, dispute: Dispute) -> bool:
    """Whether a later revision of the same dispute is known."""
    known = wallet.facts.claims.get((dispute.purchase, dispute.dispute))
    return known is not None and dispute.revision < known.revision


def report_foreign_claim(wallet: ViewerWallet, purchase: UUID) -> None:
    """Call for a person where a dispute is in another currency than the purchase."""
    claims = wallet.facts.claims_of(purchase)
    if has_foreign_claim(wallet.lots_of(purchase), claims):
        CONTRADICTIONS.labels("dispute-currency").inc()
        log.error("dispute.currency_mismatch", purchase=str(purchase))
