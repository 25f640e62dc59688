"""Wires the payout service together. The only file that knows every other."""

import tomllib
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from services.payout import api, consumers, jobs
from services.payout.commands.adjustments import decide_payout_adjustment
from services.payout.commands.bank_orders import BankOrders
from services.payout.commands.rate_plans import announce_rates
from services.payout.domain.exchange import ExchangeRules
from services.payout.domain.fees import FeeRules, PayoutFee
from services.payout.domain.fraud_rules import (
    NO_RULES,
    OWN_NUMBERS,
    FraudRule,
    FraudRules,
    Mode,
    RuleName,
)
from services.payout.domain.methods import Methods, only
from services.payout.domain.payees import PayeeRules
from services.payout.domain.rate_plans import parse_rate_plans
from services.payout.domain.rates import MaturityRules, Rules
from services.payout.domain.review_rules import ReviewRules
from services.payout.providers import Providers
from services.payout.providers.bank_file import BankFileProvider
from services.payout.providers.installed import read_providers
from services.payout.providers.screenings import BadList, ListFiles, Screening
from services.payout.settings import Settings
from services.payout.store.in_flight import IN_FLIGHT
from shared.backoffice.adjustments import request_adjustment
from shared.backoffice.in_flight import watch
from shared.backoffice.routes import AdjustmentCommands
from shared.documents.seeds import build_writer, read_seller
from shared.documents.seller import Seller
from shared.documents.writer import DocumentWriter
from shared.http import build_app
from shared.identity.ages import Act, read_age_rule
from shared.identity.tokens import TokenVerifier
from shared.messaging.relay import Relay
from shared.money import require_currencies
from shared.postgres.database import Database
from shared.runtime.service import Service, build_broker, build_database, build_verifier, start

SANDBOX = only("sandbox")


def build(settings: Settings) -> Service:
    database = build_database(settings, part_count=settings.parts)
    broker = build_broker(settings, "payout")
    installed = read_providers(settings.providers_file, is_live=not settings.test_payouts)
    providers = installed.providers
    bank = connect_bank(providers, database)
    rules = read_rules(
        settings.rules_file,
        settings.rates_file,
        installed.methods,
        hold_seconds=settings.hold_seconds,
        fraud_file=settings.fraud_file,
    )
    rules.fees.require_providers(providers)
    screening = read_screening(settings.sanctions_folder, rules)

    async def publish_new_rates() -> None:
        await announce_rates(database, rules, datetime.now(UTC))

    return Service(
        name="payout",
        app=build_http(
            database,
            build_verifier(settings),
            providers,
            rules,
            seller=read_seller(settings.seller_file),
            document_writer=build_writer(settings.seller_file),
            bank=bank,
            return_url=settings.return_url,
        ),
        database=database,
        relay=Relay(database, broker),
        consumers=consumers.build(database, broker, rules),
        jobs=jobs.build(database, providers, screening, rules, bank),
        starting=(publish_new_rates,),
        tasks=(watch(database, IN_FLIGHT),),
        closing=tuple(each.close for each in providers.values()),
    )


def build_http(
    database: Database,
    verifier: TokenVerifier,
    providers: Providers,
    rules: Rules,
    *,
    seller: Seller | None = None,
    document_writer: DocumentWriter | None = None,
    bank: BankFileProvider | None = None,
    return_url: str = "",
) -> FastAPI:
    """
    Build what answers requests.

    Statements need who issues them, and the letters of PDF. Without a bank no account is taken and
    no file made.
    """
    app = build_app(
        title="Ovation payout",
        description="Diamonds become money.",
        verifier=verifier,
        database=database,
    )
    app.state.adjustments = AdjustmentCommands(
        "payout", request_adjustment, partial(decide_payout_adjustment, rules=rules)
    )
    app.state.providers = providers
    app.state.return_url = return_url
    app.state.rules = rules
    app.state.seller = seller
    app.state.document_writer = document_writer
    app.state.bank = bank
    app.include_router(api.router)
    return app


def read_screening(folder: Path | None, rules: Rules) -> Screening | None:
    """Read the lists of sanctions; raises `BadList` where there are none that have to be there."""
    if folder is not None:
        return ListFiles(folder)
    if rules.payees.screening_required:
        raise BadList("screening_required of the rules needs PAYOUT_SANCTIONS_FOLDER")
    return None


def read_rules(
    rules_file: Path,
    rates_file: Path,
    methods: Methods = SANDBOX,
    *,
    hold_seconds: int | None = None,
    fraud_file: Path | None = None,
) -> Rules:
    """
    Read the rules and rates; `hold_seconds` replaces every wait, for practice.

    Without a `fraud_file` nobody looks for signs of fraud.
    """
    rules = tomllib.loads(rules_file.read_text(encoding="utf-8"))
    rates = parse_rate_plans(**tomllib.loads(rates_file.read_text(encoding="utf-8")))
    return Rules(
        **rules["payouts"],
        rates=rates,
        maturity=MaturityRules(**rules["maturity"], seconds=hold_seconds),
        payees=PayeeRules(**rules["payees"]),
        reviews=ReviewRules(**rules["payout_reviews"]),
        fees=_read_fees(rules["payout_fees"]),
        exchange=_read_exchange(rules["payout_exchange"]),
        methods=methods,
        ages=read_age_rule(rules, Act.CASH_OUT),
        fraud=read_fraud_rules(fraud_file) if fraud_file is not None else NO_RULES,
    )


def _read_fees(table: dict[str, Any]) -> FeeRules:
    fees = {name: PayoutFee(**line) for name, line in table["providers"].items()}
    return FeeRules(table["pass_through"], fees)


def _read_exchange(table: dict[str, Any]) -> ExchangeRules:
    versions = tuple((each["as_of"], each["parts_per_million"]) for each in table["versions"])
    require_currencies([table["base"], *(code for _, rates in versions for code in rates)])
    return ExchangeRules(table["base"], table["markup_bp"], versions)


def connect_bank(providers: Providers, database: Database) -> BankFileProvider | None:
    """Give the bank its waiting list, which is in our own database; None without a bank."""
    banks = [each for each in providers.values() if isinstance(each, BankFileProvider)]
    assert len(banks) <= 1, "one bank can pay by file, and not several"
    for bank in banks:
        bank.connect(BankOrders(database))
        return bank
    return None


def read_fraud_rules(path: Path) -> FraudRules:
    """Read the fraud rules; one that is missing, or a number of it, stops the service."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    rules = {name: _fraud_rule(name, tables.pop(name.value)) for name in RuleName}
    facts = tables.pop("facts")
    assert not tables, f"{path} has rules that nobody knows: {sorted(tables)}"
    return FraudRules(**facts, rules=rules)


def _fraud_rule(name: RuleName, numbers: dict[str, Any]) -> FraudRule:
    missing = OWN_NUMBERS[name] - numbers.keys()
    assert not missing, f"[{name.value}] lacks {sorted(missing)}"
    return FraudRule(**{**numbers, "mode": Mode(numbers["mode"])})


if __name__ == "__main__":
    settings = Settings()
    start(lambda: build(settings), settings, "payout")
