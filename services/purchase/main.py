"""Wires the purchase service together. The only file that knows every other."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI
from pydantic import TypeAdapter

from services.purchase import api, consumers, jobs
from services.purchase.commands.status_polls import StatusPolls
from services.purchase.domain.backfills import BackfillPlan
from services.purchase.domain.deadlines import Calendar
from services.purchase.domain.invoices import InvoiceRules
from services.purchase.domain.methods import Methods, only
from services.purchase.domain.promotions import Promotions
from services.purchase.domain.purchase_rules import (
    CardTesting,
    MoneyLimits,
    PurchaseRules,
    RepeatRefunds,
)
from services.purchase.domain.quotas import PurchaseQuotas
from services.purchase.domain.refunds import RefundPolicy
from services.purchase.domain.rules import Rules
from services.purchase.domain.taxes import TaxTable
from services.purchase.domain.watches import WatchPlan
from services.purchase.providers import Providers
from services.purchase.providers.installed import read_providers
from services.purchase.settings import Settings
from services.purchase.store.in_flight import IN_FLIGHT
from shared.backoffice.in_flight import watch
from shared.documents.seeds import build_writer, read_seller
from shared.documents.writer import DocumentWriter
from shared.http import build_app
from shared.identity.ages import Act, read_age_rule
from shared.identity.tokens import TokenVerifier
from shared.keyring import Keyring
from shared.messaging.relay import Relay
from shared.postgres.database import Database
from shared.prices.files import read_price_book
from shared.runtime.service import Service, build_broker, build_database, build_verifier, start

log = structlog.get_logger()

SANDBOX = only("sandbox")
# The tables of `[purchase_rules]`.
PURCHASE_RULES: Mapping[str, Callable[..., object]] = {
    "money": MoneyLimits,
    "card_testing": CardTesting,
    "repeat_refunds": RepeatRefunds,
}
# The seller of the seeds, who is made up.
EXAMPLE = "example"


def build(settings: Settings) -> Service:
    database = build_database(settings, part_count=settings.parts)
    broker = build_broker(settings, "purchase")
    installed = read_providers(
        settings.providers_file,
        return_url=settings.return_url,
        is_live=not settings.test_payments,
    )
    providers = installed.providers
    rules = replace(
        read_rules(settings.packages_file, settings.rules_file, installed.methods),
        invoices=InvoiceRules(read_taxes(settings.taxes_file), read_seller(settings.seller_file)),
    )
    keys = Keyring(settings.webhook_archive_key.get_secret_value())
    retention = timedelta(days=settings.webhook_archive_days)
    return Service(
        name="purchase",
        app=build_http(
            database,
            build_verifier(settings),
            providers,
            rules,
            keys if retention else None,
            document_writer=build_writer(settings.seller_file),
        ),
        database=database,
        relay=Relay(database, broker),
        consumers=consumers.build(database, broker),
        jobs=jobs.build(
            database,
            providers,
            rules.invoices,
            backfill_plan=BackfillPlan(
                every=timedelta(seconds=settings.backfill_every_seconds),
                overlap=timedelta(seconds=settings.backfill_overlap_seconds),
            ),
            archive=jobs.Archive(keys, retention),
            watch_plan=WatchPlan(
                every=timedelta(days=settings.watch_every_days),
                lasts=timedelta(days=settings.watch_days),
                reads_per_minute=settings.watch_reads_per_minute,
            ),
        ),
        tasks=(watch(database, IN_FLIGHT),),
        closing=tuple(provider.close for provider in providers.values()),
    )


def build_http(
    database: Database,
    verifier: TokenVerifier,
    providers: Providers,
    rules: Rules,
    webhook_keys: Keyring | None = None,
    *,
    document_writer: DocumentWriter | None = None,
) -> FastAPI:
    """Build what answers requests; without keys no webhook is kept as it came."""
    app = build_app(
        title="Ovation purchase",
        description="Real money becomes coins.",
        verifier=verifier,
        database=database,
    )
    app.state.providers = providers
    app.state.status_polls = StatusPolls(database, providers, rules.invoices)
    app.state.rules = rules
    app.state.webhook_keys = webhook_keys
    app.state.document_writer = document_writer
    app.include_router(api.router)
    return app


def read_rules(packages_file: Path, rules_file: Path, methods: Methods = SANDBOX) -> Rules:
    """Read what is sold, to whom, and what is refunded; a mistake stops the service."""
    rules = tomllib.loads(rules_file.read_text(encoding="utf-8"))
    purchase_rules = read_purchase_rules(rules["purchase_rules"])
    prices = read_price_book(packages_file)
    purchase_rules.require_counted(currency for _, currency in prices.priced)
    promotions = Promotions(**rules["promotions"])
    promotions.require_packages({package.sku for package in prices.packages})
    return Rules(
        prices=prices,
        refunds=read_policy(rules_file),
        methods=methods,
        quotas=PurchaseQuotas(**rules["purchases"]),
        ages=read_age_rule(rules, Act.BUY),
        purchases=purchase_rules,
        promotions=promotions,
    )


def read_purchase_rules(table: Mapping[str, Any]) -> PurchaseRules:
    """Read who may buy how much; what has no meaning here stops the service, as a typing error."""
    read: dict[str, Any] = dict(table)
    for name in ("countries_allowed", "countries_denied"):
        read[name] = frozenset(read.get(name, ()))
    for name, rule in PURCHASE_RULES.items():
        if name in read:
            read[name] = rule(**read[name])
    return PurchaseRules(**read)


def read_taxes(path: Path) -> TaxTable:
    """Read who taxes what; a mistake in the file stops the service."""
    return TypeAdapter(TaxTable).validate_python(tomllib.loads(path.read_text(encoding="utf-8")))


def read_policy(path: Path) -> RefundPolicy:
    """Read which purchases are refunded; the countries of the EEA share one rule."""
    refunds = tomllib.loads(path.read_text(encoding="utf-8"))["refunds"]
    eea = refunds["eea_members"]
    calendar_of = TypeAdapter(Calendar)
    return RefundPolicy(
        {
            channel: {
                country: days
                for named, days in by_country.items()
                for country in (eea if named == "EEA" else [named])
            }
            for channel, by_country in refunds["days"].items()
        },
        {
            country: calendar_of.validate_python({"country": country, **calendar})
            for country, calendar in refunds.get("calendars", {}).items()
        },
    )


def open_service(settings: Settings) -> Service:
    """Build the service to run; receipts for real money are not to name a seller who is made up."""
    service = build(settings)
    if not settings.test_payments and read_seller(settings.seller_file).id == EXAMPLE:
        log.warning("seller.made_up", file=str(settings.seller_file))
    return service


if __name__ == "__main__":
    settings = Settings()
    start(lambda: open_service(settings), settings, "purchase")
