"""
The bank's side: files are judged by the schemas of ISO 20022, reports are made as banks make them.

Status reports come from `pain001`, which also has their schemas. Of it one module is loaded by its
path: all that it imports besides is not installed.
"""

import importlib.util
from decimal import Decimal
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from uuid import uuid4
from xml.etree import ElementTree as ET

import xmlschema

PAIN001 = Path(str(distribution("pain001").locate_file("pain001")))
SEPAXML = Path(str(distribution("sepaxml").locate_file("sepaxml")))
VERSIONS = ("pain.002.001.03", "pain.002.001.12")


@cache
def _generator():
    path = PAIN001 / "pain002" / "generator.py"
    spec = importlib.util.spec_from_file_location("pain002_generator", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def _schema(path):
    return xmlschema.XMLSchema(str(path))


def payments_of(xml):
    """The payments of a file that its schema accepts: by reference, name, account and amount."""
    _schema(SEPAXML / "schemas" / "pain.001.001.09.xsd").validate(xml.decode())
    document = ET.fromstring(xml)

    def one(within, path):
        return within.find("/".join(f"{{*}}{part}" for part in path.split("/"))).text

    found = [
        (
            one(each, "PmtId/EndToEndId"),
            one(each, "Cdtr/Nm"),
            one(each, "CdtrAcct/Id/IBAN"),
            Decimal(one(each, "Amt/InstdAmt")),
        )
        for each in document.iterfind(".//{*}CdtTrfTxInf")
    ]
    header = document.find(".//{*}GrpHdr")
    assert int(one(header, "NbOfTxs")) == len(found)
    assert Decimal(one(header, "CtrlSum")) == sum(amount for *_, amount in found)
    return one(header, "MsgId"), found


def a_report(file, statuses=(), *, group="PART", version=VERSIONS[0], number=None):
    """
    A status report on a file; `statuses` are pairs of attempt and code, or triples with a reason.

    `group` is what it says of the file as a whole.
    """
    rows = [
        {
            "original_payment_information_id": file,
            "payment_information_status": group,
            "original_end_to_end_id": attempt,
            "transaction_status": code,
            "status_reason": next(iter(reason), None),
        }
        for attempt, code, *reason in statuses
    ]
    made = _generator().build_pain002_report(
        number or uuid4().hex,
        file,
        group,
        rows,
        original_message_name_id="pain.001.001.09",
        version=version,
    )
    _schema(PAIN001 / "pain002" / "schemas" / f"{version}.xsd").validate(made)
    return made.encode()


RETURNED = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn>
<GrpHdr><MsgId>{number}</MsgId><CreDtTm>2026-11-29T08:00:00Z</CreDtTm></GrpHdr>
<Ntfctn><Id>1</Id><Acct><Id><IBAN>IE29AIBK93115212345678</IBAN></Id></Acct>
<Ntry><Amt Ccy="EUR">15.00</Amt><CdtDbtInd>{direction}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BkTxCd/><NtryDtls><TxDtls><Refs><EndToEndId>{attempt}</EndToEndId></Refs>
<Amt Ccy="EUR">15.00</Amt><CdtDbtInd>{direction}</CdtDbtInd>
<RtrInf><Rsn><Cd>{reason}</Cd></Rsn></RtrInf></TxDtls></NtryDtls></Ntry>
</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>
"""


def a_return(attempt, reason="MS03", *, direction="CRDT"):
    """A notification that a payment came back."""
    made = RETURNED.format(number=uuid4().hex, attempt=attempt, reason=reason, direction=direction)
    return made.encode()
