"""Coins that people gave up when they asked to be erased."""

from collections.abc import Sequence

from services.wallet.commands.facts import request_hash
from services.wallet.commands.wallet_batch import open_wallets, write_wallets
from services.wallet.domain.coins import COINS, FORFEITED
from services.wallet.store import lots
from shared.contracts.envelope import Envelope
from shared.contracts.gift import UserErased
from shared.contracts.wallet import CoinsForfeited
from shared.ledger.book import open_book
from shared.ledger.entries import MAIN
from shared.messaging.facts import Fact
from shared.postgres.database import Transaction

FORFEIT_REFERENCE = "forfeit:{}"


async def forfeit_coins(tx: Transaction, received: Sequence[Envelope[UserErased]]) -> None:
    """
    Take the coins that are left to people who gave them up.

    Their lots are given up as a whole: coins that come back to one of them later are forfeited,
    too. What a person buys after the erasure is theirs.
    """
    for each in received:
        if each.data.forfeit:
            await _forfeit(tx, each)


async def _forfeit(tx: Transaction, erased: Envelope[UserErased]) -> None:
    user, erasure = erased.data.user, erased.data.erasure
    if not await lots.has_lots(tx, user):
        return
    reference = FORFEIT_REFERENCE.format(erasure)
    book = await open_book(tx, COINS, [(user, reference)])
    accounts = book[user]
    if reference in accounts.outcomes:
        return
    await lots.give_up_lots(tx, user)
    wallets = await open_wallets(tx, book, ())
    wallet = wallets[user]
    wallet.cause = erased.cause
    legs = wallet.derive()
    coins = legs.amounts[FORFEITED]
    wallet.decide(
        legs, kind="forfeit", reference=reference, request_hash=request_hash(str(erasure))
    )
    facts = []
    if coins:
        event = CoinsForfeited(
            viewer=user,
            erasure=erasure,
            coins=coins,
            balance_coins=accounts.balance(MAIN, COINS),
        )
        version = accounts.record_result(event.model_dump_json()).number
        facts.append(Fact(event, version, erased.cause, book.recorded_at))
    else:
        accounts.record_result()
    await write_wallets(tx, book, wallets, facts, book.recorded_at)
