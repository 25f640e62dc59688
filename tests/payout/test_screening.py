"""Names are looked for in lists of sanctions; who may be on one waits for a person."""

import os
from dataclasses import replace
from uuid import uuid4

import pytest

from services.payout.commands.metrics import report, report_lists
from services.payout.commands.screenings import screen_payees
from services.payout.domain.screenings import ListedName, SanctionsList
from services.payout.main import build_http, read_screening
from services.payout.providers import ProviderUnavailable
from services.payout.providers.screenings import BadList, ListFiles
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, client_of
from tests.metrics import metric
from tests.payout.conftest import PAYEE, RULES, a_gift_sent

SCREENED = replace(RULES, payees=replace(RULES.payees, screening_required=True))
DAY_SECONDS = 86_400
# As OFAC publishes them: no header, -0- for nothing, and an end of file of DOS.
SDN = """36,"AEROCARIBBEAN AIRLINES",-0- ,"CUBA",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0-
2674,"ABBAS, Abu","individual","SDT",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"DOB 10 Dec 1948."
2676,"AL-ZAWAHIRI, Dr. Ayman","individual","SDGT",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0-
"""
ALT = """36,12,"aka","AERO-CARIBBEAN",-0-
2674,1,"aka","ZAYDAN, Muhammad",-0-
"""
EU = (
    "\ufefffileGenerationDate;Entity_LogicalId;Entity_Remark;NameAlias_WholeName\r\n"
    "28/10/2026;13;;Saddam Hussein Al-Tikriti\r\n28/10/2026;13;;Abu Ali\r\n28/10/2026;14;;\r\n"
)
OPEN = 'id,schema,name,aliases\nQ1,Person,"Jean-Bédel Ngoupandé","J. B. Ngoupande;Nobody Else"\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sdn.csv").write_text(SDN)
    (tmp_path / "alt.csv").write_text(ALT)
    return tmp_path


@pytest.fixture
def screening(folder):
    return ListFiles(folder)


@pytest.fixture
def screen(database, screening):
    async def look():
        return await screen_payees(database.part_for("lea"), screening)

    return look


@pytest.fixture
async def lea(database, provider, hear):
    await hear(a_gift_sent(10_000))
    app = build_http(database, a_verifier(), {"sandbox": provider}, SCREENED)
    async with client_of(app, a_token("lea", roles=["creator"])) as client:
        client.app = app
        yield client


@pytest.fixture
async def ops(lea):
    token = a_token("ops", roles=["operator"], scope="payees:review")
    async with client_of(lea.app, token) as client:
        yield client


def name(creator, legal_name, destination="acct_ok_lea"):
    wanted = {"destination": destination, "legal_name": legal_name}
    return creator.put(PAYEE, json=wanted)


async def quote(creator):
    answer = await creator.post("/v1/payouts/quotes", json={"diamonds": 2_000})
    return answer.status_code, answer.json().get("code")


def clear(operator, creator="lea"):
    path = f"/v1/operator/payees/{creator}/USD/clear"
    return operator.post(path, json={"reason": "born elsewhere"})


async def state_of(creator):
    return (await creator.get("/v1/payouts/payees")).json()["items"][0]["screening"]


async def test_a_name_on_no_list_is_clear_and_paid(lea, screen):
    await name(lea, "Léa Martin")
    assert await quote(lea) == (409, "payee-unscreened")

    await screen()

    assert await state_of(lea) == "clear"
    assert await quote(lea) == (201, None)


async def test_a_name_on_a_list_waits_for_a_person_and_is_not_told_why(lea, ops, screen, database):
    await name(lea, "Ayman al Zawahiri")
    await screen()

    assert await quote(lea) == (409, "payee-under-review")
    payee = (await lea.get("/v1/payouts/payees")).text
    assert "ofac" not in payee
    assert "Zawahiri" not in payee
    (waiting,) = (await ops.get("/v1/operator/payees")).json()["items"]
    assert (waiting["creator"], waiting["currency"]) == ("lea", "USD")
    review = (await ops.get("/v1/operator/payees/lea/USD")).json()
    assert review["legal_name"] == "Ayman al Zawahiri"
    assert [each["entry"] for each in review["matches"]] == ["ofac:2676"]
    await report(database)
    assert metric("ovation_payees_waiting_seconds", state="match") > 0


async def test_a_person_clears_a_match_and_the_log_says_who_and_why(lea, ops, screen, database):
    await name(lea, "Ayman al Zawahiri")
    await screen()

    cleared = await clear(ops)

    assert (cleared.status_code, cleared.json()["screening"]) == (200, "clear")
    assert await quote(lea) == (201, None)
    assert (await ops.get("/v1/operator/payees")).json()["items"] == []
    async with database.transaction() as tx:
        (line,) = await tx.execute(text("SELECT * FROM audit WHERE action = 'payee.cleared'"))
    assert (line.operator, line.user_id, line.reason) == ("ops", "lea", "born elsewhere")
    again = await clear(ops)
    assert (again.status_code, again.json()["code"]) == (409, "no-match")


async def test_what_was_cleared_stays_cleared_with_a_new_list_and_a_new_entry_does_not(
    lea, ops, screen, folder
):
    await name(lea, "Ayman al Zawahiri")
    await screen()
    await clear(ops)
    (folder / "sdn.csv").write_text(SDN + '9,"SOMEBODY, Else",-0- \n')
    await screen()
    assert await state_of(lea) == "clear"

    (folder / "sdn.csv").write_text(SDN + '9,"ZAWAHIRI, Ayman",-0- \n')
    await screen()

    assert await state_of(lea) == "match"
    review = (await ops.get("/v1/operator/payees/lea/USD")).json()
    found = {each["entry"]: each["cleared_by"] for each in review["matches"]}
    assert found == {"ofac:2676": "ops", "ofac:9": None}


async def test_a_new_list_screens_everybody_again_and_the_same_list_nobody(
    lea, screen, folder, database
):
    await name(lea, "Léa Martin")
    await screen()
    async with database.transaction() as tx:
        (before,) = await tx.execute(text("SELECT list_version, screened_at FROM payees"))
    await screen()
    async with database.transaction() as tx:
        (same,) = await tx.execute(text("SELECT list_version, screened_at FROM payees"))
    (folder / "sdn.csv").write_text(SDN + '9,"MARTIN, Lea",-0- \n')

    await screen()

    assert tuple(same) == tuple(before)
    assert await state_of(lea) == "match"


async def test_a_match_ends_when_the_list_no_longer_has_it(lea, screen, folder):
    await name(lea, "Ayman al Zawahiri")
    await screen()
    (folder / "sdn.csv").write_text(SDN.replace("AL-ZAWAHIRI, Dr. Ayman", "OTHER, Person"))

    await screen()

    assert await state_of(lea) == "clear"


async def test_another_name_is_another_payee_that_rests_and_is_screened(lea, ops, screen, database):
    """What a person cleared for one name says nothing of the next."""
    await name(lea, "Ayman al Zawahiri")
    await screen()
    await clear(ops)

    await name(lea, "Abu Abbas")
    assert await state_of(lea) == "unscreened"
    await screen()

    assert await state_of(lea) == "match"
    async with database.transaction() as tx:
        (payee,) = await tx.execute(text("SELECT revision, unreviewed, usable_at FROM payees"))
    assert (payee.revision, payee.unreviewed) == (2, True)


async def test_how_old_the_lists_are_is_told_by_the_files_that_are_in_use(folder, screening):
    for at, file in enumerate(("sdn.csv", "alt.csv"), start=1):
        os.utime(folder / file, (at * DAY_SECONDS, at * DAY_SECONDS))
    await screening.refresh()
    # A newer file that cannot be read does not make the list any newer.
    (folder / "sdn.csv").write_text("")
    await screening.refresh()

    report_lists(screening)

    written = "ovation_sanctions_list_timestamp_seconds"
    assert metric(written, list="sdn.csv") == DAY_SECONDS
    assert metric(written, list="alt.csv") == 2 * DAY_SECONDS


async def test_a_payee_that_is_replaced_while_it_is_screened_is_not_cleared(
    lea, database, screening
):
    """The list answered for the name of before."""
    await name(lea, "Léa Martin")

    class Slow:
        list_version = screening.list_version

        async def refresh(self):
            pass

        async def screen(self, legal_name, country):
            await name(lea, "Abu Abbas")
            return await screening.screen(legal_name, country)

    await screen_payees(database.part_for("lea"), Slow())

    assert await state_of(lea) == "unscreened"


async def test_a_vendor_that_does_not_answer_clears_nobody(lea, database, screening):
    await name(lea, "Léa Martin")

    class Silent:
        list_version = "one"

        async def refresh(self):
            pass

        async def screen(self, *_):
            raise ProviderUnavailable("timeout")

    assert await screen_payees(database.part_for("lea"), Silent()) is False
    assert await state_of(lea) == "unscreened"


async def test_without_a_name_nobody_is_clear(lea, database, screen, provider):
    refused = await lea.put(PAYEE, json={"destination": "acct_ok_lea"})
    assert (refused.status_code, refused.json()["code"]) == (422, "legal-name-missing")
    app = build_http(database, a_verifier(), {"sandbox": provider}, RULES)
    async with client_of(app, a_token("lea", roles=["creator"])) as before:
        await before.put(PAYEE, json={"destination": "acct_ok_lea"})

    assert await screen() is False

    assert await state_of(lea) == "unscreened"
    assert await quote(lea) == (409, "payee-unscreened")


async def test_a_match_stops_money_also_where_no_screening_is_required(
    lea, database, provider, screen
):
    await name(lea, "Ayman al Zawahiri")
    await screen()
    app = build_http(database, a_verifier(), {"sandbox": provider}, RULES)
    async with client_of(app, a_token("lea", roles=["creator"])) as relaxed:
        assert await quote(relaxed) == (409, "payee-under-review")


@pytest.mark.parametrize("user", ["lea", "LEA", " lea"])
async def test_no_operator_clears_themselves(lea, screen, user):
    await name(lea, "Ayman al Zawahiri")
    await screen()
    token = a_token(user, roles=["operator"], scope="payees:review")
    async with client_of(lea.app, token) as operator:
        refused = await clear(operator)

    assert (refused.status_code, refused.json()["code"]) == (403, "own-money")
    assert await state_of(lea) == "match"


async def test_a_name_stands_in_no_other_table_and_in_no_event(lea, screen, database):
    await name(lea, "Quite Unique Name")
    await name(lea, "Another Unique Name", destination="acct_ok_other")
    await screen()
    async with database.part_for("lea").transaction() as tx:
        tables = [
            row.name
            for row in await tx.execute(
                text("""SELECT tablename AS name FROM pg_tables
                    WHERE schemaname = ANY(current_schemas(false))
                    AND has_table_privilege(quote_ident(tablename), 'SELECT')""")
            )
        ]
        found = {
            name
            for name in tables
            if await tx.execute(text(f"SELECT 1 FROM {name} t WHERE t::text LIKE '%Unique Name%'"))
        }
    assert found == {"payee_contacts"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("AL-ZAWAHIRI, Dr. Ayman", "Ayman al Zawahiri"),
        ("AL-ZAWAHIRI, Ayman", "ayman ALZAWAHIRI Zawahiri"),
        ("Jean-Bédel NGOUPANDÉ", "Jean Bedel Ngoupande"),
        ("Müller, Søren", "soren muller"),
        ("Ayman Zawahiri", "Ayman Zawahri"),
        ("Ayman Zawahiri", "Ayman Zawaihri"),
        ("Saddam Hussein Al-Tikriti", "Saddam Hussein"),
        ("O'Neill, Mary", "Mary ONeill"),
        ("Иван Иванович Петров", "Петров Иван"),
        ("Basel", "BASEL"),
    ],
)
def test_two_names_that_may_be_of_one_person_match(one, other):
    assert SanctionsList("v", [ListedName("a", one)]).screen(other).matches
    assert SanctionsList("v", [ListedName("a", other)]).screen(one).matches


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ayman Zawahiri", "Ayman Hussein"),
        ("Ayman", "Ayman Zawahiri"),
        ("Li Wei", "Lu Wei"),
        ("Al Bin", "Al Hussein"),
        ("Anna Maria", "Hanna Maria"),
        ("Ayman Zawahiri", "Ayman Zawahery"),
        ("Maria Maria", "Maria Garcia"),
        ("Lea Martin", "Lea Martinelli"),
    ],
)
def test_two_names_of_two_people_do_not(one, other):
    assert not SanctionsList("v", [ListedName("a", one)]).screen(other).matches


async def test_every_published_form_of_a_list_is_read(tmp_path):
    for file, content in {"sdn": SDN, "alt": ALT, "eu": EU, "open": OPEN}.items():
        (tmp_path / f"{file}.csv").write_text(content)
    screening = ListFiles(tmp_path)

    async def entries(name):
        return [each.entry for each in (await screening.screen(name, "FR")).matches]

    assert await entries("Abu Abbas") == ["ofac:2674"]
    assert await entries("Muhammad Zaydan") == ["ofac:2674"]
    assert await entries("Saddam Hussein") == ["eu:13"]
    assert await entries("Jean Bedel Ngoupande") == ["Q1"]
    assert await entries("Nobody Else") == ["Q1"]


def test_a_service_that_has_to_screen_does_not_start_without_a_list(tmp_path):
    with pytest.raises(BadList, match="PAYOUT_SANCTIONS_FOLDER"):
        read_screening(None, SCREENED)
    with pytest.raises(BadList, match="has no list"):
        read_screening(tmp_path, RULES)
    assert read_screening(None, RULES) is None


@pytest.mark.parametrize("content", ["", "name\nsomebody\n", "\xff\xfe"])
def test_a_file_that_is_no_list_is_named(tmp_path, content):
    (tmp_path / "mine.csv").write_bytes(content.encode("latin-1"))
    with pytest.raises(BadList, match=r"mine\.csv"):
        ListFiles(tmp_path)


@pytest.mark.parametrize("content", ["", "\xff", SDN.splitlines()[0] + "\n"])
async def test_a_new_list_that_cannot_be_believed_leaves_the_old_one(folder, screening, content):
    """A download that was cut off would clear everybody whose name it lost."""
    (folder / "alt.csv").unlink()
    version = screening.list_version
    (folder / "sdn.csv").write_bytes(content.encode("latin-1"))

    await screening.refresh()

    assert screening.list_version == version
    assert (await screening.screen("Abu Abbas", None)).matches


def test_a_long_list_is_searched_and_a_name_without_letters_is_nobody():
    names = [ListedName(str(at), f"{uuid4().hex[:8]} {uuid4().hex[:8]}") for at in range(200)]
    listed = SanctionsList("v", [*names, ListedName("x", "Ayman Zawahiri")])

    assert [each.entry for each in listed.screen("Zawahiri Ayman").matches] == ["x"]
    assert listed.screen("!!!").matches == listed.screen("").matches == ()
