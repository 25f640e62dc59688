"""
Bank accounts of creators, for transfers that an operator hands to a bank as a file.

Payees, payouts and attempts name an account by a token; its holder and its number stand encrypted
in a table of their own, from which they can be erased.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Self

from shared.errors import Kind, Refusal
from shared.quotas.rules import DAY, Quota

BANK_ACCOUNTS = Quota("bank-accounts", 5, DAY)

# The countries and territories of SEPA, with how long a number of an account is there
# (https://www.swift.com/standards/data-standards/iban-international-bank-account-number).
LENGTHS = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI NL",
        19: "MK SI",
        20: "AT EE LT LU XK",
        21: "CH HR LI LV",
        22: "BG DE GB IE ME RS VA",
        23: "GI",
        24: "AD CZ ES MD RO SE SK",
        25: "PT",
        26: "IS",
        27: "FR GR IT MC SM",
        28: "AL CY HU PL",
        31: "MT",
    }.items()
    for country in countries.split()
}
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")
# The place of a BIC after its bank and country: the second character of its location.
_BIC_LOCATION_END = 7


class IbanInvalid(Refusal):
    """This is not the number (IBAN) of a bank account in the euro payments area."""

    kind = Kind.INVALID


class HolderInvalid(Refusal):
    """No bank can write this name; spell it in Latin letters."""

    kind = Kind.INVALID


class NoBankFiles(Refusal):
    """This installation pays nothing by bank file."""

    kind = Kind.NOT_FOUND


class ForeignAccount(Exception):
    """What was decrypted is another account than its row says."""


@dataclass(frozen=True, slots=True)
class BankAccount:
    """Whom an account belongs to, and its number."""

    holder: str
    iban: str


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """An account, encrypted with the key of this id; the token names it."""

    creator: str
    token: str
    key_id: str
    encrypted: bytes
    added_at: datetime

    def holds(self, packed: bytes) -> BankAccount:
        """Read what `pack` wrote; raise `ForeignAccount` if it was of another row."""
        written = json.loads(packed)
        if (written["creator"], written["token"]) != (self.creator, self.token):
            raise ForeignAccount(self.token)
        return BankAccount(written["holder"], written["iban"])


@dataclass(frozen=True, slots=True)
class Debtor:
    """The operator's own account, from which a bank pays."""

    name: str
    iban: str
    bic: str
    currency: str

    @classmethod
    def read(cls, section: object) -> Self:
        """Read the account of the settings; a mistake in it stops the service, and is named."""
        assert isinstance(section, Mapping), "debtor: set name, iban, bic and currency of it"
        known = [field.name for field in fields(cls)]
        problems = [f"{key} is missing" for key in known if key not in section]
        problems += [f"{key} is unknown" for key in section if key not in known]
        problems += [f"{key} is no text" for key in section if not isinstance(section[key], str)]
        assert not problems, f"debtor: {', '.join(problems)}"
        debtor = cls(**{**section, "iban": section["iban"].replace(" ", "")})
        assert is_iban(debtor.iban), (
            f"debtor: {section['iban']} is no IBAN; one of its characters is wrong"
        )
        assert _BIC.fullmatch(debtor.bic), f"debtor: {debtor.bic} is no BIC"
        assert debtor.currency == "EUR", f"debtor: SEPA pays EUR, and no {debtor.currency}"
        assert debtor.name.strip(), "debtor: an account has a holder: set its name"
        return debtor

    @property
    def is_practice(self) -> bool:
        """Whether the account is for tests: ISO 9362 marks their banks by a 0 (`TESTGB20`)."""
        return self.bic[_BIC_LOCATION_END] == "0"


# No bank has it: a file that it pays can be read and judged, and moves no money.
PRACTICE_DEBTOR = Debtor("Practice, no money", "GB05TEST00000000000000", "TESTGB20XXX", "EUR")


def pack(creator: str, token: str, account: BankAccount) -> bytes:
    """Write an account as it is encrypted: with its row, so that none is taken for another."""
    written = {"creator": creator, "token": token}
    return json.dumps({**written, "holder": account.holder, "iban": account.iban}).encode()


def require_iban(text: str) -> str:
    """Return an IBAN without blanks; refuse what is none."""
    number = text.replace(" ", "").upper()
    if not is_iban(number):
        raise IbanInvalid
    return number


def is_iban(number: str) -> bool:
    """
    Whether this is an account's number: of a country of SEPA, so long there, checked by its digits.

    ISO 7064 MOD 97-10: the first four characters go to the end, letters count from 10 on.
    """
    if not _IBAN.fullmatch(number) or LENGTHS.get(number[:2]) != len(number):
        return False
    digits = "".join(str(int(sign, 36)) for sign in number[4:] + number[:4])
    return int(digits) % 97 == 1
