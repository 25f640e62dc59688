"""What a bank reports is applied once, whatever comes first, and what cannot be changes nothing."""

import gzip
from itertools import permutations
from uuid import uuid4

import pytest

from tests.metrics import metric
from tests.payout.bank.conftest import diamonds_of, reason_of, state_of
from tests.payout.bank.pretend import VERSIONS, a_report, a_return

REPORTS = "/v1/operator/bank-reports"
FILES = "/v1/operator/bank-files"
# In one part with lea, so that one file pays all of them.
IN_ONE_FILE = ("ada-3", "bea-4")


def contradictions():
    return metric("ovation_contradictions_total", kind="bank-report")


@pytest.fixture
def pay(cash_out, make_file):
    """Ask for a payout and put it into a file: the payout, the file, the attempt."""

    async def to(*args):
        payout = await cash_out(*args)
        file, ((attempt, *_),) = await make_file()
        return payout, file, attempt

    return to


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("code", ["ACSC", "ACCC"])
async def test_a_payment_that_was_made_takes_the_diamonds(lea, pay, bring, clerk, version, code):
    payout, file, attempt = await pay()
    report = a_report(file, [(attempt, "ACSC")], version=version).replace(b"ACSC", code.encode())

    answer = await bring(report)

    assert answer.json()["statuses"] == 1
    assert await state_of(lea, payout) == "paid"
    assert await diamonds_of(lea) == (0, 0)
    (line,) = (await clerk.get(FILES)).json()["items"]
    assert line["unreported"] == 0


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_rejection_gives_the_diamonds_back_once(lea, pay, bring, version):
    payout, file, attempt = await pay()
    report = a_report(file, [(attempt, "RJCT", "AC04")], version=version)

    first = await bring(report)
    assert await state_of(lea, payout) == "failed"
    assert await reason_of(lea, payout) == "AC04"
    again = await bring(report)
    await bring(a_report(file, [(attempt, "RJCT", "AC04")], version=version))

    assert first.json() == again.json()
    assert await state_of(lea, payout) == "failed"
    assert await diamonds_of(lea) == (3_000, 0)


async def test_an_operator_brings_no_report_about_their_own_money(lea, pay, client_as, work):
    payout, file, attempt = await pay()
    herself = await client_as("LEA", roles=["operator"], scope="bank-files:write")

    for report in (a_report(file, [(attempt, "RJCT", "AC04")]), a_report(file, [], group="RJCT")):
        answer = await herself.post(REPORTS, content=report)
        await work()

        assert answer.json()["code"] == "own-money"
    assert await state_of(lea, payout) == "sent"


async def test_a_rejected_creator_is_paid_under_a_new_attempt(lea, pay, bring, cash_out):
    _, file, attempt = await pay()
    await bring(a_report(file, [(attempt, "RJCT", "AC04")]))

    payout, later, other = await pay()
    await bring(a_report(later, [(other, "ACSC")]))

    assert other != attempt
    assert await state_of(lea, payout) == "paid"
    assert await diamonds_of(lea) == (0, 0)


@pytest.mark.parametrize("code", ["ACTC", "ACCP", "ACSP", "ACWC", "PDNG"])
async def test_a_payment_on_its_way_is_still_sent(lea, pay, bring, code):
    payout, file, attempt = await pay()

    await bring(a_report(file, [(attempt, code)]))

    assert await state_of(lea, payout) == "sent"
    assert await diamonds_of(lea) == (0, 3_000)


async def test_a_payment_that_comes_back_gives_the_diamonds_back_once(lea, pay, bring):
    payout, file, attempt = await pay()
    await bring(a_report(file, [(attempt, "ACSC")]))
    returned = a_return(attempt)

    await bring(returned)
    await bring(returned)
    await bring(a_return(attempt))

    assert await state_of(lea, payout) == "returned"
    assert await reason_of(lea, payout) == "MS03"
    assert await diamonds_of(lea) == (3_000, 0)


async def test_our_own_return_of_others_money_is_no_payment_of_ours(lea, pay, bring):
    payout, file, attempt = await pay()
    await bring(a_report(file, [(attempt, "ACSC")]))

    await bring(a_return(attempt, direction="DBIT"))

    assert await state_of(lea, payout) == "paid"


STORIES = {
    "made": (["ACSP", "ACSC"], "paid", (0, 0)),
    "rejected": (["ACTC", "ACSP", "RJCT"], "failed", (3_000, 0)),
    "came back": (["ACSP", "ACSC", "return"], "returned", (3_000, 0)),
    # A bank that contradicts itself: money that may be gone is not given a second time.
    "both": (["RJCT", "ACSC"], "paid", (0, 0)),
}
ORDERS = [
    (story, order) for story, (reports, *_) in STORIES.items() for order in permutations(reports)
]


@pytest.mark.parametrize(("story", "order"), ORDERS)
async def test_the_order_of_reports_does_not_matter(lea, pay, bring, story, order):
    _, state, diamonds = STORIES[story]
    payout, file, attempt = await pay()

    for code in order:
        report = a_return(attempt) if code == "return" else a_report(file, [(attempt, code)])
        await bring(report)

    assert await state_of(lea, payout) == state
    assert await diamonds_of(lea) == diamonds


async def test_a_bank_that_contradicts_itself_is_noticed(pay, bring):
    _, file, attempt = await pay()
    await bring(a_report(file, [(attempt, "RJCT")]))
    before = contradictions()

    answer = await bring(a_report(file, [(attempt, "ACSC")]))

    assert answer.json()["contradictions"] == 1
    assert contradictions() == before + 1


@pytest.mark.parametrize(("code", "state"), [("RJCT", "failed"), ("ACSC", "paid")])
async def test_what_is_said_of_a_whole_file_is_said_of_each_payment(
    creator, cash_out, make_file, bring, code, state
):
    ada, bea = [await creator(name) for name in IN_ONE_FILE]
    payouts = [
        await cash_out(client, name) for client, name in zip((ada, bea), IN_ONE_FILE, strict=True)
    ]
    file, _ = await make_file()

    answer = await bring(a_report(file, group=code))

    assert answer.json()["statuses"] == 2
    assert await state_of(ada, payouts[0]) == state
    assert await state_of(bea, payouts[1]) == state


async def test_what_is_said_of_one_payment_counts_before_what_is_said_of_all(
    creator, cash_out, make_file, bring
):
    ada, bea = [await creator(name) for name in IN_ONE_FILE]
    payouts = [
        await cash_out(client, name) for client, name in zip((ada, bea), IN_ONE_FILE, strict=True)
    ]
    file, payments = await make_file()
    (first, *_), _ = payments

    await bring(a_report(file, [(first, "RJCT", "AC01")], group="ACSC"))

    states = {await state_of(ada, payouts[0]), await state_of(bea, payouts[1])}
    assert states == {"failed", "paid"}


@pytest.mark.parametrize("kind", ["unknown", "foreign", "unfiled", "file", "return", "words"])
async def test_what_is_said_of_a_payment_that_is_not_in_the_file_changes_nothing(
    lea, creator, pay, cash_out, bring, kind, execute
):
    payout, file, attempt = await pay()
    waiting = await cash_out(await creator(IN_ONE_FILE[0]), IN_ONE_FILE[0])
    (unfiled,) = await execute("SELECT attempt FROM bank_orders WHERE state = 'waiting'")
    report = {
        "unknown": a_report(file, [(uuid4().hex, "RJCT")]),
        "foreign": a_report(uuid4().hex, [(attempt, "RJCT")]),
        "unfiled": a_report(file, [(unfiled.attempt.hex, "RJCT")]),
        "file": a_report(uuid4().hex, group="RJCT"),
        "return": a_return(uuid4().hex),
        "words": a_report(file, [("NOTPROVIDED", "RJCT")]),
    }[kind]
    before = contradictions()

    answer = await bring(report)

    assert (answer.json()["statuses"], answer.json()["contradictions"]) == (0, 1)
    assert contradictions() == before + 1
    assert await state_of(lea, payout) == "sent"
    assert await state_of(await creator(IN_ONE_FILE[0]), waiting) == "sent"
    again = await bring(report)
    assert again.json() == answer.json()
    assert contradictions() == before + 1


async def test_another_amount_is_another_payment(lea, pay, bring):
    payout, file, attempt = await pay()
    said = a_report(file, [(attempt, "ACSC")]).decode()
    wrong = '<OrgnlTxRef><Amt><InstdAmt Ccy="EUR">15.01</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts>'

    answer = await bring(said.replace("</TxInfAndSts>", wrong).encode())
    assert answer.json()["contradictions"] == 1
    assert await state_of(lea, payout) == "sent"

    await bring(said.replace("</TxInfAndSts>", wrong.replace("15.01", "15.0")).encode())
    assert await state_of(lea, payout) == "paid"


async def test_a_report_may_be_compressed(lea, pay, bring):
    payout, file, attempt = await pay()
    report = a_report(file, [(attempt, "ACSC")])

    first = await bring(gzip.compress(report))
    again = await bring(report)

    assert first.json() == again.json()
    assert await state_of(lea, payout) == "paid"


DOCTYPE = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
<!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><MsgId>&lol2;</MsgId></Document>"""
EXTERNAL = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><MsgId>&x;</MsgId></Document>"""
EMPTY = b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"/>'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no xml",
        b"<Document/>",
        b"\xff\xfe\x00",
        b'<?xml version="1.0" encoding="nonsense"?><a/>',
        b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"/>',
        EMPTY,
        DOCTYPE,
        EXTERNAL,
        b"\x1f\x8b" + b"not compressed",
        gzip.compress(b" " * 5_000_000, mtime=0),
        gzip.compress(EMPTY, mtime=0)[:-9],
        a_report("f" * 32, [("a" * 32, "ACSC")]).replace(b"ACSC", b"<b>ACSC</b>"),
        a_report("f" * 32, [("a" * 32, "ACSC")]).replace(b"TxSts", b"Other"),
        a_report("f" * 32, [("a" * 32, "ACSC")]).replace(b"f" * 32, b"f" * 300),
    ],
)
async def test_what_no_bank_writes_is_refused(clerk, execute, content):
    refused = await clerk.post(REPORTS, content=content)

    assert (refused.status_code, refused.json()["code"]) == (422, "report-unreadable")
    assert await execute("SELECT * FROM bank_reports") == []


async def test_only_who_may_handle_bank_files_brings_reports(client_as):
    other = await client_as("ops", roles=["operator"], scope="payouts:review")

    answer = await other.post(REPORTS, content=EMPTY)

    assert (answer.status_code, answer.json()["code"]) == (403, "scope-missing")
