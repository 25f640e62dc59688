"""
Payment files as banks take them: pain.001.001.09, written by `sepaxml`.

`sepaxml` makes up its own ids at random. Ours follow from what is paid, so that a bank's check for
duplicates notices a file that is handed in twice.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sepaxml import SepaTransfer
from sepaxml.validation import try_valid_xml
from text_unidecode import unidecode

from services.payout.domain.bank_accounts import Debtor
from services.payout.domain.bank_files import BankPayment

SCHEMA = "pain.001.001.09"
NAME_CHARACTERS_MAX = 70
DESCRIPTION_CHARACTERS_MAX = 140
_NAMESPACE = f"{{urn:iso:std:iso:20022:tech:xsd:{SCHEMA}}}"
# The characters that every bank of SEPA takes (EPC217-08).
_UNUSUAL = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]+")


def write_payment_file(
    file: UUID,
    payments: Sequence[BankPayment],
    debtor: Debtor,
    *,
    made_at: datetime,
    description: str,
) -> bytes:
    """
    Return the XML of a file, valid by its schema; `made_at` says the day on which it is paid.

    The same payments at the same time are the same bytes.
    """
    config = {
        "name": plain(debtor.name, NAME_CHARACTERS_MAX),
        "IBAN": debtor.iban,
        "BIC": debtor.bic,
        "batch": True,
        "currency": debtor.currency,
    }
    written = SepaTransfer(config, schema=SCHEMA)
    for payment in payments:
        written.add_payment(
            {
                "name": plain(payment.holder, NAME_CHARACTERS_MAX),
                "IBAN": payment.iban,
                "amount": payment.amount_minor,
                "description": plain(description, DESCRIPTION_CHARACTERS_MAX),
                "execution_date": made_at.date(),
                "endtoend_id": payment.attempt.hex,
            }
        )
    xml = _with_own_ids(written.export(validate=False), file, made_at)
    try_valid_xml(xml, SCHEMA)
    return xml


def plain(text: str, characters_max: int) -> str:
    """Return a text in the letters that every bank takes: "Léa Créatrice" is "Lea Creatrice"."""
    spelt = _UNUSUAL.sub(" ", unidecode(text))
    return " ".join(spelt.split())[:characters_max].strip()


def _with_own_ids(xml: bytes, file: UUID, made_at: datetime) -> bytes:
    """Return a file with our ids and our time in the places of those that were made up."""
    document = ET.fromstring(xml)  # noqa: S314 - written a moment ago by ourselves
    for name, value in (
        ("MsgId", file.hex),
        ("PmtInfId", file.hex),
        ("CreDtTm", made_at.strftime("%Y-%m-%dT%H:%M:%S")),
    ):
        (place,) = document.iter(f"{_NAMESPACE}{name}")
        place.text = value
    written: bytes = ET.tostring(document, encoding="utf-8", xml_declaration=True)
    return written
