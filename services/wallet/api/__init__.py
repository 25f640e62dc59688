"""The wallet's HTTP API: viewers read their coins and set limits; operators act on any wallet."""

from fastapi import APIRouter

from services.wallet.api import exclusions, liability, limits, operators, wallets

router = APIRouter(prefix="/v1")
for module in (wallets, limits, exclusions, operators, liability):
    router.include_router(module.router)
