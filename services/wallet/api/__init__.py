"""The wallet's HTTP API: viewers read their coins and set limits; operators act on any wallet."""

from fastapi import APIRouter

from services.wallet.api import exclusions, liability, limits, operators, people, wallets
from services.wallet.store.personal_data import EXPORTED
from shared.backoffice.exports import add_export
from shared.backoffice.operations import add_operations

router = APIRouter(prefix="/v1")
for module in (wallets, limits, exclusions, operators, people, liability):
    router.include_router(module.router)
add_export(router, "wallet", EXPORTED)
add_operations(router, "wallet")
