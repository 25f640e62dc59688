"""Who is erased leaves nothing but opaque ids in all databases and logs, and the books balance."""

import asyncio
from uuid import uuid4

import httpx
import pytest

from deploy.config.databases import fetch
from deploy.config.services import DATABASES, LEDGERS, SEALED
from deploy.ctl import verification
from tests.chaos.stage import installation_of
from tests.journeys.people import eventually, stage_on

TABLES = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
HOLDING = "SELECT '{table}: {word}' AS place FROM {table} AS t WHERE t::text LIKE '%{word}%'"
TRIES_MAX = 8


@pytest.fixture
def stage(system):
    with stage_on(system) as stage:
        yield stage


def places_of(system, words):
    """Return every table and log that has one of these words."""
    found = []
    for service in DATABASES:
        dsn = system.postgres.dsn(service)
        tables = [row["name"] for row in fetch(dsn, TABLES)]
        held = " UNION ".join(
            HOLDING.format(table=table, word=word) for table in tables for word in words
        )
        found += [f"{service}.{row['place']}" for row in fetch(dsn, held)]
    for name in system.names:
        log = system.log_of(name)
        found += [f"log of {name}: {word}" for word in words if word in log]
    return found


def export(stage, person, service):
    path = f"{stage.url}/v1/me/export/{service}"
    answer = httpx.get(path, headers=person.headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.text


def ask(stage, person, **query):
    """Ask to be erased; return what all services say once it is decided."""
    answer = httpx.delete(f"{stage.url}/v1/me", params=query, headers=person.headers, timeout=60)
    assert answer.status_code == 202, answer.text

    def decided():
        found = person.get("/v1/me/erasure")
        return found["state"] != "checking" and found

    return eventually(decided)


def erase(stage, person):
    """Ask until what was open has ended; then wait for the proof of all services."""
    for _ in range(TRIES_MAX):
        if ask(stage, person, forfeit=True)["state"] == "erased":
            break
    return eventually(lambda: proof(person))


def proof(person):
    services = person.get("/v1/me/erasure")["services"]
    return all(each["erased"] is not None for each in services) and services


def test_a_viewer_and_a_creator_are_erased_and_all_books_balance(stage, system):
    tag = uuid4().hex[:8]
    words = [f"{word}-{tag}" for word in ("hello", "thanks", "song", "goal", "perk", "Miriam")]
    hello, thankful, song, goal, perk, name = words
    account, room = f"acct_ok_{tag}", f"room-{tag}"
    mira = stage.person("mira", country="DE", age_verified=30)
    lea = stage.person("lea", roles=["creator"], country="FR", age_verified=30)
    purchase = stage.buy(mira)
    lea.put(f"/v1/rooms/{room}/stream", {"title": song})
    lea.post("/v1/creators/me/goals", {"title": goal, "target_coins": 5, "room": room})
    offer = {"kind": "custom", "title": perk, "threshold_coins": 1}
    lea.post("/v1/creators/me/perks", offer)
    given = stage.give(mira, lea.user, "g_tea", room=room, message=hello)
    thanks = {"gift": given.json()["gift"], "message": thankful}
    eventually(lambda: lea.post(f"/v1/rooms/{room}/thanks", thanks).is_success)
    eventually(lambda: lea.get("/v1/earnings/me/gifts")["items"])
    lea.put("/v1/payouts/payees/USD", {"destination": account})
    withdrawal = {"name": name, "reply_to": f"{name}@example.com"}
    assert mira.post(f"/v1/purchases/{purchase}/withdrawals", withdrawal).is_success
    refunds = f"/v1/purchases/{purchase}/refunds"
    eventually(lambda: mira.get(refunds)["items"][0]["state"] == "refunded")

    assert hello in export(stage, mira, "gift")
    assert name in export(stage, mira, "purchase")
    assert account in export(stage, lea, "payout")
    assert song in export(stage, lea, "live")
    refused = ask(stage, lea)
    assert refused["state"] == "refused"
    said = {each["service"]: each["obstacles"] for each in refused["services"]}
    assert said["payout"] == ["diamonds-left"]
    assert hello in export(stage, mira, "gift"), "nothing goes before"

    of_mira = {each["service"]: each["erased"] for each in erase(stage, mira)}
    of_lea = {each["service"]: each["erased"] for each in erase(stage, lea)}

    assert of_mira["gift"]["messages"] == of_mira["purchase"]["withdrawals"] == 1
    assert of_lea["payout"]["payees"] == 1

    def are_erased():
        left = places_of(system, [*words, account])
        # Seen only if the test fails.
        print(left)
        return not left

    eventually(are_erased)
    assert asyncio.run(unproved(installation_of(system))) == []


async def unproved(installation):
    """Return what an operator's proofs of all ledgers do not prove."""
    proofs = {
        **{f"verify {name}": verification.verify(installation, name) for name in LEDGERS},
        **{f"seal verify {name}": verification.verify_seals(installation, name) for name in SEALED},
    }
    return [name for name, holds in proofs.items() if not await holds]
