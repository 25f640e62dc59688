"""
Reports of banks: pain.002 says what became of a file, camt.053 and camt.054 what came back.

All versions of a message are read alike: by the names of its elements, whatever its namespace.
What a stranger could put into XML is refused: document types, entities, and files without end.
"""

import re
import zlib
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from services.payout.domain.bank_files import RETURN, BankReport, BankStatus, ReportUnreadable
from shared.money import exponent_of, is_currency

REPORT_BYTES_MAX = 4_000_000
STATUSES_MAX = 20_000
_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:(pain\.002|camt\.053|camt\.054)\.")
_WORD = re.compile(r"[\x21-\x7e]{1,35}")
_CODE = re.compile(r"[A-Z0-9]{1,4}")
_DECIMAL = re.compile(r"([0-9]{1,13})(?:\.([0-9]{1,5}))?")
_CREDIT = "CRDT"
_GZIP = 16 + zlib.MAX_WBITS


def unpack_report(content: bytes) -> bytes:
    """Return a report that was compressed with gzip; refuse one that would be too large."""
    reader = zlib.decompressobj(_GZIP)
    try:
        unpacked = reader.decompress(content, REPORT_BYTES_MAX + 1)
    except zlib.error as error:
        raise ReportUnreadable(problem="not compressed with gzip") from error
    if len(unpacked) > REPORT_BYTES_MAX or not reader.eof:
        raise ReportUnreadable(problem="too large, or cut off", bytes_max=REPORT_BYTES_MAX)
    return unpacked


def read_report(content: bytes) -> BankReport:
    """Read a report; raises `ReportUnreadable` with what is wrong."""
    try:
        document: Element = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise ReportUnreadable(problem="no XML, or with a document type") from error
    found = _NAMESPACE.match(document.tag.removeprefix("{"))
    if found is None:
        raise ReportUnreadable(problem="another message")
    kind = found[1]
    statuses = list(_statuses(document) if kind == "pain.002" else _returns(document))
    if len(statuses) > STATUSES_MAX:
        raise ReportUnreadable(problem="too many payments", payments_max=STATUSES_MAX)
    (header,) = [*_all(document, "GrpHdr")][:1] or [document]
    return BankReport(_word(header, "MsgId") or "unnamed", kind, statuses)


def _statuses(document: Element) -> Iterator[BankStatus]:
    """
    Yield what a pain.002 says, from its largest part to its smallest.

    A status of the whole file, or of its one block of payments, is about every payment that is not
    named on its own.
    """
    group = next(_all(document, "OrgnlGrpInfAndSts"), None)
    if group is None:
        raise ReportUnreadable(problem="no OrgnlGrpInfAndSts")
    file = _word(group, "OrgnlMsgId")
    if file is None:
        raise ReportUnreadable(problem="no OrgnlMsgId")
    blocks = list(_all(document, "OrgnlPmtInfAndSts"))
    of_blocks = [code for block in blocks if (code := _code(block, "PmtInfSts"))]
    # The narrower one counts. PART, or blocks that differ, say of no payment in particular what
    # became of it.
    whole = {*of_blocks} if of_blocks else {_code(group, "GrpSts") or "PART"}
    if len(whole) == 1 and whole != {"PART"}:
        part = blocks[0] if of_blocks else group
        yield BankStatus(whole.pop(), None, file.lower(), _reason(part, "StsRsnInf"))
    for payment in _all(document, "TxInfAndSts"):
        code, attempt = _code(payment, "TxSts"), _word(payment, "OrgnlEndToEndId")
        if code is None or attempt is None:
            raise ReportUnreadable(problem="a payment without OrgnlEndToEndId or TxSts")
        amount_minor, currency = _amount(payment, "InstdAmt")
        reason = _reason(payment, "StsRsnInf")
        yield BankStatus(code, attempt, file.lower(), reason, amount_minor, currency)


def _returns(document: Element) -> Iterator[BankStatus]:
    """Yield the payments that a statement or notification says came back."""
    for entry in _all(document, "Ntry"):
        for details in _all(entry, "TxDtls"):
            if next(_all(details, "RtrInf"), None) is None:
                continue
            direction = _word(details, "CdtDbtInd") or _word(entry, "CdtDbtInd")
            attempt = _word(details, "EndToEndId")
            # Money that came in; our own return of others' money is no payment of ours.
            if direction != _CREDIT or attempt is None:
                continue
            yield BankStatus(RETURN, attempt, None, _reason(details, "RtrInf"))


def _all(within: Element, name: str) -> Iterator[Element]:
    return within.iterfind(f".//{{*}}{name}")


def _first(within: Element, name: str) -> Element | None:
    """Return the first element of this name, before those of the parts inside."""
    direct = within.find(f"{{*}}{name}")
    return direct if direct is not None else within.find(f".//{{*}}{name}")


def _word(within: Element, name: str) -> str | None:
    found = _first(within, name)
    text = (found.text or "").strip() if found is not None else ""
    return text if _WORD.fullmatch(text) else None


def _code(within: Element, name: str) -> str | None:
    found = within.find(f"{{*}}{name}")
    text = (found.text or "").strip() if found is not None else ""
    if found is not None and not _CODE.fullmatch(text):
        raise ReportUnreadable(problem=f"{name} is no code")
    return text or None


def _reason(within: Element, name: str) -> str | None:
    """Return the code of a reason (AC01, MS03); a bank's own words are not for payees."""
    for information in within.iterfind(f"{{*}}{name}"):
        found = information.find("{*}Rsn/{*}Cd")
        if found is not None and _CODE.fullmatch((found.text or "").strip()):
            return (found.text or "").strip()
    return None


def _amount(within: Element, name: str) -> tuple[int | None, str | None]:
    """Return an amount in minor units and its currency, if it is repeated."""
    found = _first(within, name)
    if found is None:
        return None, None
    currency = found.get("Ccy", "")
    written = _DECIMAL.fullmatch((found.text or "").strip())
    if written is None or not is_currency(currency):
        raise ReportUnreadable(problem=f"{name} is no amount")
    decimals = (written[2] or "").rstrip("0")
    exponent = exponent_of(currency)
    if len(decimals) > exponent:
        raise ReportUnreadable(problem=f"{name} has too many decimals")
    return int(written[1] + decimals.ljust(exponent, "0")), currency
