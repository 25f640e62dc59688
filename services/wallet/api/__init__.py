"""The wallet's HTTP API: viewers read their coins and set limits; operators act on any wallet."""

from fastapi import APIRouter

from services.wallet.api import exclusions, flow, liability, limits, operators, people, wallets
from services.wallet.domain.coins import NoSuchWallet
from services.wallet.domain.gift_payments import InsufficientCoins
from services.wallet.store.personal_data import EXPORTED
from shared.backoffice.dead_letter_routes import add_dead_letters
from shared.backoffice.exports import add_export
from shared.backoffice.operations import add_operations
from shared.backoffice.routes import add_adjustments, add_audit
from shared.backoffice.trial_balance import add_trial_balance

router = APIRouter(prefix="/v1")
for module in (wallets, limits, exclusions, operators, people, liability, flow):
    router.include_router(module.router)
add_adjustments(router, "wallet", NoSuchWallet, InsufficientCoins)
add_audit(router, "wallet")
add_trial_balance(router, "wallet", has_archives=True)
add_export(router, "wallet", EXPORTED)
add_operations(router, "wallet")
add_dead_letters(router, "wallet")
