"""
The whole story, played through the public HTTP APIs only, with the proof that the books balance.

`python -m deploy.demo play` starts everything, plays it and stops everything. With OVATION_URL it
plays against a system that runs already, whose development issuer and sandbox are switched on.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

import httpx
from rich.console import Console
from rich.table import Table

from deploy.demo import accounts, payers
from deploy.demo.payers import STATE_OF_DECLINED, Choice
from deploy.demo.person import Person, StoryFailed, checked
from shared.money import amount_text

OUTCOME_SECONDS_MAX = 20.0
POLL_SECONDS = 0.1
OPEN_SECONDS_MAX = 60.0
DOORS = (
    "/v1/packages",
    "/v1/wallets/me",
    "/v1/gifts",
    "/v1/payouts",
    "/v1/rooms/lobby",
    "/sandbox/pay/none",
)
OPERATOR_SCOPES = ["books:read"]

Answer = TypeVar("Answer")
console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays."""

    mira: Person
    jonas: Person
    rita: Person
    lea: Person
    ops: Person
    room: str
    # With whom they pay, and where that is if it is a fake that has books of its own.
    provider: str = "sandbox"
    vendor_url: str | None = None


def play(url: str, *, provider: str = "sandbox", vendor_url: str | None = None) -> bool:
    """
    Play the story with a provider; return whether every book balances.

    The books of the fake at `vendor_url` are compared too: all money has to be of this story.
    """
    _wait_until_open(url)
    cast = Cast(
        mira=Person(url, "mira", country="US", age_verified=30),
        jonas=Person(url, "jonas", country="DE", age_verified=24),
        rita=Person(url, "rita", country="BR", age_verified=33),
        lea=Person(url, "lea", roles=["creator"], country="FR", age_verified=28),
        ops=Person(url, "ops", roles=["operator"], scopes=OPERATOR_SCOPES),
        room=f"room-{uuid4().hex[:6]}",
        provider=provider,
        vendor_url=vendor_url,
    )
    console.rule("[bold]Ovation: from a card to a creator")
    try:
        for chapter in (
            *(_go_live, _buy_coins, _send_gifts, _refuse_gifts, _watch_the_room),
            *(_charge_back, _give_back, _cash_out),
        ):
            chapter(cast)
        return _verify_the_books(cast)
    finally:
        for person in (cast.mira, cast.jonas, cast.rita, cast.lea, cast.ops):
            person.leave()


def _wait_until_open(url: str) -> None:
    """Wait for a system that has just been started: each service has to know us, or refuse us."""
    deadline = time.monotonic() + OPEN_SECONDS_MAX
    for path in ("/issuer/token", *DOORS):
        while _status(f"{url}{path}") >= 500:
            if time.monotonic() > deadline:
                raise StoryFailed(f"{url}{path} does not answer")
            time.sleep(POLL_SECONDS)


def _status(url: str) -> int:
    try:
        return httpx.get(url, timeout=5).status_code
    except httpx.HTTPError:
        return 503


def _go_live(cast: Cast) -> None:
    _chapter("Going live")
    request = {"gift_type": "g_pebble", "creator": cast.lea.user, "room": cast.room}
    early = cast.mira.post("/v1/gifts", request)
    if early.status_code == 409:  # a version from before this rule says that coins are missing
        _refused(early, 409, "room-not-open")
    cast.lea.put(f"/v1/rooms/{cast.room}/stream", {"title": "Songs for a late evening"})
    _say(f"{cast.lea.user} opened {cast.room}: now gifts can be sent there")


def _buy_coins(cast: Cast) -> None:
    _chapter("Buying coins")
    packages = cast.mira.get("/v1/packages")["items"]
    first, last = packages[0], packages[-1]
    _say(f"{len(packages)} packages, {_money(first)} for {first['coins']} coins")
    _say(f"up to {_money(last)} for {last['coins']:,} coins")
    by = cast.provider
    bought = _buy(cast, cast.mira, "coins_5000")
    _say(f"{cast.mira.user} paid {_money(bought)} ({by}): {_coins(cast.mira):,} coins")
    bought = _buy(cast, cast.jonas, "coins_100")
    _say(f"{cast.jonas.user} paid {_money(bought)} ({by}): {_coins(cast.jonas):,} coins")
    declined = _buy(cast, cast.jonas, "coins_300", Choice.DECLINE)
    _say(f"a declined card: the purchase is {declined['state']}, still {_coins(cast.jonas)} coins")


def _buy(cast: Cast, person: Person, package: str, choice: Choice = Choice.PAY) -> dict[str, Any]:
    # In the currency of the buyer's country.
    order = {"package": package}
    if cast.provider != "sandbox":
        # Its method has its name; the sandbox's is the first one.
        order["method"] = cast.provider
    purchase = checked(person.post("/v1/purchases", order), 201, 202)
    path = f"/v1/purchases/{purchase['purchase']}"
    purchase = _until(lambda: person.get(path), lambda seen: seen["next_action"] is not None)
    payers.pay(cast.provider, purchase["next_action"]["url"], choice)
    declined = choice is Choice.DECLINE
    ends_as = STATE_OF_DECLINED[cast.provider] if declined else "completed"
    return _until(lambda: person.get(path), lambda seen: seen["state"] == ends_as)


def _send_gifts(cast: Cast) -> None:
    _chapter("Sending gifts")
    catalogue = cast.mira.get("/v1/catalogue")["items"]
    _say(f"{len(catalogue)} gifts in the catalogue")
    taps = 20
    combo = [_give(cast.mira, cast, "g_pebble") for _ in range(taps)][-1]
    _say(f"{cast.mira.user} tapped Pebble Heart {taps} times: a combo of {combo['repeat_count']},")
    _say(f"one coin each, {_coins(cast.mira):,} coins left")
    key = str(uuid4())
    sent = _give(cast.mira, cast, "g_orchestra", key=key)
    again = _give(cast.mira, cast, "g_orchestra", key=key)
    if sent["gift"] != again["gift"]:
        raise StoryFailed("the same key sent two gifts")
    left = _coins(cast.mira)
    _say(f"a Sky Orchestra for {sent['coins']:,} coins, asked for twice, sent once: {left:,} left")
    jonas = _give(cast.jonas, cast, "g_lemon", count=2)
    _say(f"{cast.jonas.user} sent two Lemon Slices for {jonas['coins']} coins")


def _give(
    person: Person, cast: Cast, gift_type: str, *, count: int = 1, key: str | None = None
) -> Any:
    request = {"gift_type": gift_type, "creator": cast.lea.user, "room": cast.room, "count": count}
    return checked(_decided(person, request, key=key), 201)


def _refuse_gifts(cast: Cast) -> None:
    _chapter("What is refused")
    to_lea = {"creator": cast.lea.user, "room": cast.room, "count": 1}
    dear = _decided(cast.jonas, {"gift_type": "g_loco", **to_lea})
    missing = _refused(dear, 402, "insufficient-coins")["shortfall_coins"]
    offers = cast.jonas.get("/v1/packages", covering=missing)["items"]
    _say(f"a Velvet Locomotive: {missing} coins short, the {offers[0]['sku']} package covers it")
    key = str(uuid4())
    checked(cast.jonas.post("/v1/gifts", {"gift_type": "g_note", **to_lea}, key=key), 201, 202)
    other = cast.jonas.post("/v1/gifts", {"gift_type": "g_tea", **to_lea}, key=key)
    _refused(other, 422, "key-reused")
    unknown = cast.jonas.post("/v1/gifts", {"gift_type": "g_moonshot", **to_lea})
    _refused(unknown, 404, "unknown-gift")
    own = {"gift_type": "g_note", "creator": cast.jonas.user, "room": cast.room, "count": 1}
    _refused(cast.jonas.post("/v1/gifts", own), 422, "gift-to-self")


def _watch_the_room(cast: Cast) -> None:
    _chapter("In the room")
    room = _until(lambda: cast.lea.get(f"/v1/rooms/{cast.room}"), lambda seen: seen["gifts"] >= 23)
    _say(f"{room['gifts']} gifts, {room['coins']:,} coins")
    for place, top in enumerate(room["top_gifters"][:3], start=1):
        _say(f"{place}. {top['viewer']} with {top['coins']:,} coins")
    lines = cast.lea.follow(f"/v1/rooms/{cast.room}/events", after=int(room["last_event_id"]) - 1)
    event = next(line for line in lines if line.startswith("id:"))
    _say(f"the event stream goes on after a reconnect, with {event}")


def _charge_back(cast: Cast) -> None:
    _chapter("A chargeback, and how it ends")
    rita, lea = cast.rita, cast.lea
    _buy(cast, rita, "coins_100", Choice.DISPUTE)
    _give(rita, cast, "g_whistle")
    earned = _until(lambda: _diamonds(lea), lambda seen: seen >= _earned_before(cast) + 100)
    _say(f"{rita.user} gave all 100 coins of a card whose owner will complain")
    wallet = _until(lambda: rita.get("/v1/wallets/me"), lambda seen: seen["debt_coins"] == 100)
    _until(lambda: _diamonds(lea), lambda seen: seen == earned - 100)
    _say(f"the bank takes the money: {wallet['debt_coins']} coins owed, 100 diamonds taken back")
    request = {"gift_type": "g_pebble", "creator": lea.user, "room": cast.room}
    refused = _refused(_decided(rita, request), 403, "wallet-refused")
    _say(f"no more gifts meanwhile: {refused['reason']}")
    _buy(cast, rita, "coins_300")
    _until(lambda: _diamonds(lea), lambda seen: seen == earned)
    _say(f"the next purchase settles it: {_coins(rita)} coins left, {lea.user}'s diamonds are back")


def _earned_before(cast: Cast) -> int:
    """What mira and jonas have given: a coin is a diamond."""
    given = [gift for person in (cast.mira, cast.jonas) for gift in all_gifts(person)]
    return sum(gift["coins"] for gift in given if gift["state"] == "sent")


def _give_back(cast: Cast) -> None:
    _chapter("Giving unused coins back")
    refused = _refund(cast.mira)
    _refused(refused, 403, "not-refundable")
    asked = checked(_refund(cast.jonas), 202)
    path = f"/v1/purchases/{asked['purchase']}/refunds"
    refund = _until(
        lambda: cast.jonas.get(path)["items"][0], lambda seen: seen["state"] == "refunded"
    )
    _until(lambda: cast.jonas.get("/v1/wallets/me"), lambda seen: seen["held_coins"] == 0)
    _say(f"{cast.jonas.user} lives in Germany: {_money(refund)} back for {refund['coins']} coins")


def _refund(person: Person) -> httpx.Response:
    bought = person.get("/v1/purchases")["items"]
    paid = next(each for each in bought if each["state"] == "completed")
    return person.post(f"/v1/purchases/{paid['purchase']}/refunds", {})


def _cash_out(cast: Cast) -> None:
    _chapter("Cashing out")
    lea = cast.lea
    earned = _until(
        lambda: lea.get("/v1/earnings/me"), lambda seen: seen["available_diamonds"] >= 2_000
    )
    available = earned["available_diamonds"]
    _say(f"{lea.user} has {available:,} diamonds, worth {_money(earned['value'])}")
    _say(accounts.set_up_account(lea))
    _refused(lea.post("/v1/payouts/quotes", {"diamonds": 1_999}), 422, "below-minimum")
    above = lea.post("/v1/payouts/quotes", {"diamonds": available + 1_000})
    _refused(above, 409, "not-enough-diamonds")
    quote = checked(lea.post("/v1/payouts/quotes", {}), 201)
    _say(f"a quote: {quote['diamonds']:,} diamonds for {_money(quote)}, fee {quote['fee_minor']}")
    payout = checked(lea.post("/v1/payouts", {"quote": quote["quote"]}), 201)
    path = f"/v1/payouts/{payout['payout']}"
    paid = _until(lambda: lea.get(path), lambda seen: seen["state"] == "paid")
    steps = " → ".join(step["state"] for step in paid["timeline"])
    left = lea.get("/v1/earnings/me")["available_diamonds"]
    _say(f"{_money(paid)} arrived ({steps}), {left:,} diamonds left")


def _verify_the_books(cast: Cast) -> bool:
    """Ask every service for its totals until they agree, or time is up; show what they say."""
    _chapter("The books")
    deadline = time.monotonic() + OUTCOME_SECONDS_MAX
    while True:
        comparisons = _comparisons(cast)
        balanced = all(left == right for _, left, right in comparisons)
        if balanced or time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    table = Table(show_edge=False, pad_edge=False)
    for heading in ("invariant", "left", "right", ""):
        table.add_column(heading, justify="right" if heading in ("left", "right") else "left")
    for invariant, left, right in comparisons:
        mark = "[green]✓" if left == right else "[bold red]✗"
        table.add_row(invariant, f"{left:,}", f"{right:,}", mark)
    console.print(table)
    console.print(
        "[green]The books balance." if balanced else "[bold red]The books do NOT balance."
    )
    return balanced


def _comparisons(cast: Cast) -> list[tuple[str, int, int]]:
    def books(service: str) -> Any:
        return cast.ops.get(f"/v1/operator/{service}/books")

    purchase, wallet, gift, payout = map(books, ("purchase", "wallet", "gift", "payout"))
    room = cast.lea.get(f"/v1/rooms/{cast.room}")
    in_room = sum(
        sent["coins"] - sent["reversed_coins"]
        for person in (cast.mira, cast.jonas, cast.rita)
        for sent in all_gifts(person)
        if sent["state"] == "sent"
    )
    sold = purchase["coins_sold"] + purchase["bonus_coins_sold"] + purchase["promo_coins_given"]
    gone = ("spent", "refunded", "disputed", "adjusted", "expired", "forfeited", "balances")
    somewhere = sum(wallet[f"{place}_coins"] for place in gone) - wallet["debt_coins"]
    places = ("pending", "available", "reserved", "paid_out")
    diamonds = sum(payout[f"diamonds_{place}"] for place in places)
    arrived = (
        payout["diamonds_earned"] + payout["diamonds_adjusted"] + payout["dispute_loss_diamonds"]
    )
    of_gifts = payout["coins_of_gifts"] - payout["diamonds_reversed"]
    sums = (purchase["postings_sum"], wallet["postings_sum"], payout["postings_sum"])
    return [
        ("coins sold = coins credited", sold, wallet["issued_coins"]),
        ("coins credited = held, spent, refunded, owed", wallet["issued_coins"], somewhere),
        ("coins held = coins in lots", wallet["balances_coins"], wallet["lots_coins"]),
        ("coins spent = gifts sent", wallet["spent_coins"], gift["coins_sent"]),
        ("gifts sent = gifts that earned", gift["sent"], payout["gifts"]),
        ("diamonds earned = gifts x rate - reversed", payout["diamonds_earned"], of_gifts),
        ("diamonds earned = waiting, held and paid", arrived, diamonds),
        ("postings sum to zero", sum(map(abs, sums)), 0),
        ("the room's coins = its gifts", room["coins"], in_room),
        *_money_at_vendor(cast, purchase["accounts"]),
    ]


def _money_at_vendor(
    cast: Cast, accounts: Sequence[Mapping[str, Any]]
) -> list[tuple[str, int, int]]:
    """Compare what we say that the vendor holds for us with what it says itself."""
    if cast.vendor_url is None:
        return []
    theirs = payers.books_of(cast.vendor_url)
    ours = {
        each["currency"]: each["amount_minor"]
        for each in accounts
        if each["account"] == "@provider_clearing"
    }
    return [
        (f"{currency} at {cast.provider} = its own books", ours.get(currency, 0), held)
        for currency, held in sorted({**dict.fromkeys(ours, 0), **theirs}.items())
        # All of it was converted.
        if held or ours.get(currency)
    ]


def all_gifts(person: Person) -> list[dict[str, Any]]:
    gifts: list[dict[str, Any]] = []
    page = person.get("/v1/gifts", limit=100)
    gifts += page["items"]
    while page["next_cursor"]:
        page = person.get("/v1/gifts", limit=100, cursor=page["next_cursor"])
        gifts += page["items"]
    return gifts


def _diamonds(person: Person) -> int:
    earned = person.get("/v1/earnings/me")
    return int(earned["pending_diamonds"] + earned["available_diamonds"])


def _coins(person: Person) -> int:
    return int(person.get("/v1/wallets/me")["coins"])


def _money(amount: Mapping[str, Any]) -> str:
    return amount_text(amount["amount_minor"], amount["currency"])


def _decided(
    person: Person, request: Mapping[str, Any], *, key: str | None = None
) -> httpx.Response:
    """Ask for a gift again, under its one key, until it is sent or refused."""
    ask = partial(person.post, "/v1/gifts", request, key=key or str(uuid4()))
    return _until(ask, lambda seen: seen.status_code != 202 and not _is_early(seen))


def _is_early(answer: httpx.Response) -> bool:
    """Whether gift has not heard yet that a room was opened."""
    return answer.status_code == 409 and bool(answer.json()["code"] == "room-not-open")


def _refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = checked(answer, status)
    if problem["code"] != code:
        raise StoryFailed(f"expected {code}, not {problem}")
    _say(f"[yellow]{status} {code}[/]: {problem['title']}")
    return problem


def _until(look: Callable[[], Answer], happy: Callable[[Answer], bool]) -> Answer:
    """Look again and again until what is seen is what the story waits for."""
    deadline = time.monotonic() + OUTCOME_SECONDS_MAX
    while not happy(seen := look()):
        if time.monotonic() > deadline:
            raise StoryFailed(f"this did not change in {OUTCOME_SECONDS_MAX:.0f} s: {seen}")
        time.sleep(POLL_SECONDS)
    return seen


def _chapter(title: str) -> None:
    console.print(f"\n[bold]{title}")


def _say(text: str) -> None:
    console.print(f"  {text}")
