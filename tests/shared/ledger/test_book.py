"""What the ledger writes is what it reads: rows go as text, and people call themselves anything."""

import pytest
from pydantic_core import to_json

from shared.ledger.book import open_book
from shared.ledger.entries import MAIN, Posting
from shared.postgres.statements import text

HASH = bytes(range(16))
ANYTHING = {
    "a tab": "a\tb",
    "ends of lines": "a\nb\r\nc",
    "a null": r"\N",
    "the word null": "NULL",
    "no text": "",
    "an end of data": r"\.",
    "backslashes": "\\\\\\",
    "an escape": r"\x41\t",
    "quotes": '"\'""',
    "braces": "{}",
    "an array": '{"a",NULL}',
    "a comma": "a,b",
    "spaces": "  ",
    "a letter of Unicode": "ß\u0301\U0001f381",
    "separators of lines": "\u0085\u2028\u2029\x0b\x0c\x1c",
    "as long as an id may be": "\U0001f381" * 255,
}


@pytest.mark.parametrize("name", ANYTHING.values(), ids=ANYTHING)
async def test_what_was_written_is_read_as_it_was(database_of, name):
    """As a user, a reference, an account and a result."""
    database = database_of("wallet")
    account = f"@{name}".replace(",", "")
    postings = (Posting(MAIN, "coins", 7), Posting(account, "coins", -7))
    result = to_json({name: name}).decode()
    async with database.transaction() as tx:
        book = await open_book(tx, "coins", [(name, name)])
        book[name].post(kind="test", reference=name, postings=postings, request_hash=HASH)
        book[name].record_result(result)
        await book.write(tx)

    async with database.transaction() as tx:
        book = await open_book(tx, "coins", [(name, name), (name, "another")])
        rows = await tx.execute(text("SELECT account, amount FROM postings ORDER BY amount"))

    known = book[name].outcomes.pop(name)
    assert not book[name].outcomes
    assert (known.number, known.request_hash, known.kind) == (1, HASH, "test")
    assert known.known_result.count(to_json(name).decode()) == 2
    assert book[name].balance(MAIN, "coins") == 7
    assert [tuple(row) for row in rows] == [(account, -7), (MAIN, 7)]
