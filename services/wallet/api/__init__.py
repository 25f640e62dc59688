"""The wallet's HTTP API: viewers read their coins and set limits; operators act on any wallet."""

from fastapi import APIRouter

from services.wallet.api import exclusions, liability, limits, operators, wallets
from services.wallet.store.personal_data import EXPORTED
from shared.backoffice.exports import add_export

router = APIRouter(prefix="/v1")
for module in (wallets, limits, exclusions, operators, liability):
    router.include_router(module.router)
add_export(router, "wallet", EXPORTED)
