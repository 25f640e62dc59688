"""What the OpenAPI document says of the API as a whole, and of each group of operations."""

from typing import Any

from shared.http.access import QUERY_TOKEN

INFO: dict[str, Any] = {
    "title": "Ovation",
    "version": "1",
    "summary": "A coin economy for live-streaming apps.",
    "description": """\
A viewer buys coins with real money and spends them on gifts in a live room. The creator earns
diamonds and cashes them out.

* **Callers** have a token of your identity system: `Authorization: Bearer <JWT>`. `me` in a path is
  the caller. `x-access` says which callers an operation is for, `x-scope` which scope an operator
  needs.
* **Coins, diamonds and money** are integers. Money is in minor units (cents) of its currency.
* **Requests that do something once** have an `Idempotency-Key`. Repeat such a request with the same
  key until it is answered: it is done once, and each answer is about the same thing.
* **Refusals** are problem documents (RFC 9457): `code` is stable, and the other members are the
  facts to act on. `type` is the address of a page about the code. The description of an answer
  lists its codes.
* **Long lists** come page by page: `next_cursor` is the `cursor` of the next page, and is null
  at the end.
* **Bodies** are JSON, with `Content-Type: application/json`.
* **`HEAD`** works wherever `GET` does: the same answer without its body.
* **Within version 1** operations, parameters and fields are added. Ignore fields that you do not
  know. Nothing is removed or renamed.
""",
    "contact": {"name": "The operator of this installation"},
    "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
}

SERVERS = [{"url": "/", "description": "The gateway that serves this document."}]

SECURITY = {
    QUERY_TOKEN: {
        "type": "apiKey",
        "in": "query",
        "name": "access_token",
        "description": "The same token for a browser's EventSource, which cannot set headers:"
        " once, unescaped. It is not logged.",
    },
}

TAGS = {
    "packages": "What a viewer can buy, in which currency, and how to pay.",
    "purchases": "A viewer's purchases of coins, and their receipts.",
    "refunds": "Unused coins turned back into money: refunds, and withdrawals that the law allows.",
    "wallets": "A viewer's coins: how many there are, where they came from and where they went.",
    "limits": "What a viewer allows themselves: spending limits and self-exclusion.",
    "gifts": "The catalogue, and the gifts that a viewer sends.",
    "moderation": "What a creator decides about gifts: rules, blocked viewers, messages.",
    "rooms": "Rooms, their streams and what they show: events, leaderboards, guests, thanks.",
    "gifters": "A viewer's level, and a creator's supporters.",
    "people": "How people are shown: names and pictures.",
    "goals": "What a creator wants to reach with gifts.",
    "perks": "What a creator offers to those who give, and who is entitled to it.",
    "earnings": "A creator's diamonds: gifts, bonuses, terms and statements.",
    "payees": "Where a creator's money goes.",
    "payouts": "Diamonds turned into money: quotes, payouts, limits, schedule, appeals.",
    "privacy": "What is known of the caller, and its erasure.",
    "webhooks": "Events posted to the HTTPS endpoints of other teams.",
    "callbacks": "What payment providers and video platforms call. They sign what they send.",
    "operator-purchases": "For operators: purchases, refunds and disputes of any viewer.",
    "operator-campaigns": "For operators: promotional coins, with codes and budgets.",
    "operator-wallets": "For operators: any viewer's coins, holds, suspensions and limits.",
    "operator-adjustments": "For operators: corrections of a ledger, by two people.",
    "operator-gifts": "For operators: the catalogue, and gifts of any viewer.",
    "operator-rooms": "For operators: who owns a room.",
    "operator-creators": "For operators: rates, splits and bonuses of creators.",
    "operator-payouts": "For operators: payouts under review, appeals, and what a payout was for.",
    "operator-payees": "For operators: payees whose names may be on a list of sanctions.",
    "operator-bank-files": "For operators: payouts by files for the bank, and the bank's reports.",
    "operator-work": "For operators: how the work of each service stands.",
    "operator-audit": "For operators: what operators did and looked at.",
    "finance": "For operators and accountants: books, trial balances, liabilities, statements.",
}
