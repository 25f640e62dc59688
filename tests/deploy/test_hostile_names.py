"""What people, rooms and letters are called is anybody's text: it stops and hides no proof."""

import json

import pytest

from deploy.config.databases import run_sql
from deploy.ctl import verification
from deploy.ctl.installation import Installation
from deploy.ctl.output import complain, say, show

# The end of a style nobody began, a file of a colour, and an order to write the rest backwards.
MARKUP, HIDING = "[/x]", "\u202e"
# Clears the screen; asks for the clipboard; goes to the line's begin; the same in one character.
ACTS = ("\x1b[2J", "\x1b]52;c;?\x07", "\r", "\x9b2J")
NAMES = [MARKUP, "[red]", "[link=https://evil.example]x[/link]", ":bomb:", HIDING, *ACTS]


@pytest.fixture
def installation(postgres, database_of, credentials):
    """Where a wallet's database is, for its auditor."""
    name = database_of("wallet").name
    nowhere = "127.0.0.1:9"
    return Installation(
        f"{postgres.host}:{postgres.port}",
        f"http://{nowhere}",
        nowhere,
        secret=lambda _: credentials.database["auditor"],
        databases={"wallet": name},
    )


@pytest.mark.parametrize("name", [MARKUP, "[red]", HIDING], ids=ascii)
async def test_a_proof_names_who_has_coins_out_of_nothing_whatever_they_are_called(
    installation, postgres, name, capsys
):
    """A thief would only have to be called so, and every proof would end before it told."""
    columns = "INSERT INTO accounts (user_id, kind, asset, balance)"
    grown = f"{columns} VALUES ('{name}', 'main', 'COIN', 1000000)"
    run_sql(postgres.dsn(installation.databases["wallet"]), [grown])

    assert await verification.verify(installation, "wallet") is False

    printed = capsys.readouterr().out
    assert name.replace(HIDING, r"\u202e") in printed
    assert "1000000" in printed
    assert HIDING not in printed


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_terminal_shows_a_name_and_does_nothing_it_says(name, capsys):
    show([{"queue": "wallet.money", "reasons": name}], as_json=False, empty="")
    say(f"{name} is done.", as_json=False)
    complain(f"{name} stays")

    told = capsys.readouterr()
    seen = name.encode("unicode_escape").decode()
    assert told.out.count(seen) == 2
    assert told.err == f"{seen} stays\n"
    assert all(each.isprintable() or each == "\n" for each in told.out)


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_program_gets_a_name_as_it_is(name, capsys):
    show([{"name": name}], as_json=True, empty="")

    printed = capsys.readouterr().out
    assert json.loads(printed) == [{"name": name}]
    assert printed.isascii()
