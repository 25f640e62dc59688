"""Wires the gift service together. The only file that knows every other."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import TypeAdapter

from services.gift import api, consumers, jobs
from services.gift.api import tencent
from services.gift.api.tencent import TencentAccount
from services.gift.commands.catalogue import CatalogueCache
from services.gift.commands.intake import GiftIntake
from services.gift.commands.pending_replies import PendingReplies
from services.gift.commands.signatures import SignatureRules
from services.gift.domain.catalogue import (
    GIFT_TYPE_ID,
    Catalogue,
    GiftType,
    Locks,
    our_animation,
)
from services.gift.settings import Settings
from services.gift.store.in_flight import IN_FLIGHT
from shared.backoffice.in_flight import watch
from shared.http import build_app
from shared.identity.ages import ADULTS, Act, AgeRule, read_age_rule
from shared.identity.tokens import TokenVerifier, Verifier
from shared.messaging.relay import Relay
from shared.postgres.database import Database
from shared.prices.files import read_price_book
from shared.prices.price_book import NOTHING_SOLD, PriceBook
from shared.runtime.service import Service, build_broker, build_database, build_verifier, start

MEGABYTE = 1_048_576


def build(settings: Settings) -> Service:
    database = build_database(settings, part_count=settings.parts)
    broker = build_broker(settings, "gift")
    catalogue_cache = CatalogueCache(database, read_catalogue(settings.catalogue_file))
    pending_replies = PendingReplies(database)
    return Service(
        name="gift",
        app=build_http(
            database,
            build_verifier(settings),
            catalogue_cache,
            pending_replies,
            build_tencent_account(settings),
            targets=build_target_verifier(settings),
            anybody_may_receive=settings.anybody_may_receive,
            ages=read_ages(settings.rules_file),
            prices=read_price_book(settings.packages_file),
            erasure_login_seconds=read_erasure_login(settings.rules_file),
            files_bytes_max=settings.files_megabytes_max * MEGABYTE,
        ),
        database=database,
        relay=Relay(database, broker),
        consumers=consumers.build(
            database, broker, catalogue_cache=catalogue_cache, resolve=pending_replies.resolve
        ),
        jobs=jobs.build(database, catalogue_cache),
        tasks=(pending_replies.run, catalogue_cache.run, watch(database, IN_FLIGHT)),
    )


def build_http(
    database: Database,
    verifier: TokenVerifier,
    catalogue_cache: CatalogueCache,
    pending_replies: PendingReplies,
    tencent_account: TencentAccount | None = None,
    *,
    targets: TokenVerifier | None = None,
    anybody_may_receive: bool = False,
    ages: AgeRule = ADULTS,
    prices: PriceBook = NOTHING_SOLD,
    erasure_login_seconds: int = 900,
    files_bytes_max: int = 256 * MEGABYTE,
) -> FastAPI:
    """Build the API; target tokens are signed with the keys of `targets`, else of `verifier`."""
    app = build_app(
        title="Ovation gift",
        description="What viewers send.",
        verifier=verifier,
        database=database,
        shortcuts=api.SHORTCUTS,
        body_limits=api.BODY_LIMITS,
    )
    app.state.catalogue_cache = catalogue_cache
    app.state.intake = GiftIntake(
        database,
        catalogue_cache,
        pending_replies,
        anybody_may_receive=anybody_may_receive,
        ages=ages,
    )
    app.state.prices = prices
    app.state.erasure_login_seconds = erasure_login_seconds
    app.state.files_bytes_max = files_bytes_max
    app.state.targets = targets or verifier
    app.state.tencent = tencent_account
    app.include_router(api.router)
    if tencent_account is not None:
        app.include_router(tencent.router)
    return app


def build_tencent_account(settings: Settings) -> TencentAccount | None:
    """Return whose callbacks are taken, if Tencent may ask at all."""
    token, sdk_app_id = settings.tencent_token, settings.tencent_sdk_app_id
    if token is None or sdk_app_id is None:
        return None
    rules = SignatureRules(settings.tencent_new_body_seconds, settings.tencent_bodies_max)
    return TencentAccount(token.get_secret_value(), sdk_app_id, rules)


def build_target_verifier(settings: Settings) -> Verifier | None:
    """Trust the host's own keys with target tokens, if it has others than the first issuer's."""
    if settings.target_jwks_url is None:
        return None
    return Verifier(replace(settings.issuers[0], jwks_url=settings.target_jwks_url))


def read_ages(path: Path) -> AgeRule:
    """Read how old a viewer has to be to give."""
    return read_age_rule(tomllib.loads(path.read_text(encoding="utf-8")), Act.GIVE)


def read_erasure_login(path: Path) -> int:
    """Read how long ago people may have signed in who ask to be erased, in seconds."""
    minutes = tomllib.loads(path.read_text(encoding="utf-8"))["erasure"]["login_minutes_max"]
    assert type(minutes) is int, "[erasure] login_minutes_max is no number of minutes"
    assert minutes >= 0, "[erasure] login_minutes_max is below zero"
    return minutes * 60


def read_catalogue(path: Path) -> Catalogue:
    """Read what an installation begins with; a mistake in the file stops the service."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["gifts"]
    return Catalogue([_gift_type(entry) for entry in entries])


def _gift_type(entry: Mapping[str, Any]) -> GiftType:
    gift_type = GiftType(
        id=entry["id"],
        revision=1,
        names=entry["names"],
        descriptions=entry["description"],
        price_coins=entry["price_coins"],
        price_version=entry["price_version"],
        mode=entry["type"],
        category=entry["category"],
        batch_counts=tuple(entry["batch_counts"]),
        count_max=entry["max_count_per_send"],
        sort=entry["sort"],
        is_active=entry["is_active"],
        locks=TypeAdapter(Locks).validate_python(entry.get("locks", {})),
        icon_url=entry.get("icon_url", f"/static/gifts/{entry['id']}.svg"),
        extension=entry.get("extension_info", {}),
        animations=tuple(entry.get("animations", ()))
        or (our_animation(entry["id"], entry["tier"]),),
    )
    assert GIFT_TYPE_ID.fullmatch(gift_type.id), f"{gift_type.id!r} is no id of a gift"
    assert gift_type.tier == entry["tier"], f"{gift_type.id} is no {entry['tier']}"
    return gift_type


if __name__ == "__main__":
    settings = Settings()
    start(lambda: build(settings), settings, "gift")
