"""How many coins of a purchase are used: a store asks before it decides about a refund."""

from services.wallet.commands.facts import request_hash
from services.wallet.commands.wallet_batch import Published, ViewerWallet
from services.wallet.domain.coins import Legs
from shared.contracts.purchase import PurchaseUsageRequested
from shared.contracts.wallet import UsageReported

USAGE_REFERENCE = "usage:{}"


def report_usage(wallet: ViewerWallet, asked: PurchaseUsageRequested) -> list[Published]:
    """
    Say how many coins of a purchase are used, once; a repeated question has the same answer.

    It is asked of purchases whose coins the wallet has credited. Coins that are held, that went
    back with their money or that are left, are not used.
    """
    reference = USAGE_REFERENCE.format(asked.question)
    if (outcome := wallet.accounts.outcomes.get(reference)) is not None:
        return [(UsageReported.model_validate_json(outcome.known_result), outcome.number)]
    lots = wallet.lots_of(asked.purchase)
    if not lots:
        return []
    event = UsageReported(
        viewer=wallet.accounts.user,
        purchase=asked.purchase,
        question=asked.question,
        coins=sum(lot.coins for lot in lots),
        used_coins=sum(lot.spent + lot.paid_debts for lot in lots),
    )
    wallet.decide(
        Legs(), kind="usage", reference=reference, request_hash=request_hash(asked.purchase)
    )
    return [(event, wallet.accounts.record_result(event.model_dump_json()).number)]
