"""The HTTP API of payout: creators read and request, operators decide, providers call back."""

from fastapi import APIRouter

from services.payout.api import (
    appeals,
    bank_files,
    bonuses,
    earning_totals,
    earnings,
    finance,
    fraud,
    limits,
    operators,
    payees,
    payouts,
    people,
    quotes,
    schedules,
    screenings,
    statements,
    terms,
    traces,
    webhooks,
)
from services.payout.domain.payouts import NotEnoughDiamonds
from services.payout.store.in_flight import IN_FLIGHT
from services.payout.store.personal_data import EXPORTED
from shared.backoffice.dead_letter_routes import add_dead_letters
from shared.backoffice.exports import add_export
from shared.backoffice.operations import add_operations
from shared.backoffice.routes import add_adjustments, add_audit
from shared.backoffice.trial_balance import add_trial_balance

router = APIRouter(prefix="/v1")
# Of two routes that fit an address the first one answers: names come before a payout's id.
for module in (
    *(
        earning_totals,
        earnings,
        terms,
        statements,
        bonuses,
        payees,
        limits,
        schedules,
        quotes,
        bank_files,
    ),
    *(payouts, appeals, finance, operators, people, traces, fraud, screenings, webhooks),
):
    router.include_router(module.router)
add_adjustments(router, "payout", NotEnoughDiamonds)
add_audit(router, "payout")
add_trial_balance(router, "payout", has_archives=True)
add_export(router, "payout", EXPORTED)
add_operations(router, "payout", IN_FLIGHT)
add_dead_letters(router, "payout")
