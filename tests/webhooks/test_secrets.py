"""A secret of an endpoint is shown once, stored encrypted, and replaced with an overlap."""

import pytest

from services.webhooks.commands.secrets import encrypt_again, valid_secrets
from shared.keyring import Keyring, Undecryptable, new_key
from shared.postgres.statements import text
from tests.webhooks.conftest import ENDPOINTS_PATH, URL, WISH, gifts, key


async def test_a_secret_is_not_shown_again_after_an_hour(charts, database):
    header = key()
    await charts.post(ENDPOINTS_PATH, json=WISH, headers=header)
    async with database.transaction() as tx:
        await tx.execute(
            text("UPDATE endpoint_secrets SET created_at = now() - interval '61 minutes'")
        )

    again = await charts.post(ENDPOINTS_PATH, json=WISH, headers=header)

    assert (again.status_code, again.json()["secret"]) == (201, None)


async def test_a_secret_is_stored_so_that_only_the_key_reads_it(add, database, keys):
    made = await add(URL)
    async with database.transaction() as tx:
        (row,) = await tx.execute(text("SELECT * FROM endpoint_secrets"))
        endpoint = row.endpoint
        assert made["secret"].encode() not in row.encrypted
        assert await valid_secrets(tx, keys, [endpoint]) == {endpoint: [made["secret"]]}
        assert await valid_secrets(tx, Keyring(new_key()), [endpoint]) == {}


async def test_secrets_are_encrypted_again_once_their_key_is_replaced(add, database, monkeypatch):
    first, second = new_key(), new_key()
    both, newest = Keyring(f"{second}\n{first}"), Keyring(second)
    old = Keyring(first)
    made = await add(URL)
    async with database.transaction() as tx:
        row = (await tx.execute(text("SELECT * FROM endpoint_secrets"))).one()
        encrypted = old.encrypt(f"{row.endpoint}\n{made['secret']}".encode())
        await tx.execute(
            text("UPDATE endpoint_secrets SET encrypted = :encrypted, key_id = :key"),
            {"encrypted": encrypted, "key": old.newest},
        )
        with pytest.raises(Undecryptable):
            newest.decrypt(encrypted)
        await encrypt_again(tx, both)
        assert await valid_secrets(tx, newest, [row.endpoint]) == {row.endpoint: [made["secret"]]}


async def test_a_secret_in_the_row_of_another_endpoint_signs_nothing(add, database, keys):
    await add(URL)
    other = await add(URL)
    async with database.transaction() as tx:
        await tx.execute(
            text("""
                UPDATE endpoint_secrets SET encrypted = (
                    SELECT encrypted FROM endpoint_secrets WHERE endpoint <> :other
                ) WHERE endpoint = :other
            """),
            {"other": other["endpoint"]},
        )
        found = await valid_secrets(tx, keys, [other["endpoint"]])

    assert found == {}


async def test_a_rotated_secret_signs_beside_the_one_before_for_the_overlap(
    charts, add, hear, working, receiver, ended, database
):
    made = await add(receiver.url, "gift.sent")
    path, header = f"{ENDPOINTS_PATH}/{made['endpoint']}/secrets", key()
    body = {"overlap_seconds": 3_600}
    rotated = (await charts.post(path, json=body, headers=header)).json()
    again = (await charts.post(path, json=body, headers=header)).json()
    reused = await charts.post(path, json={"overlap_seconds": 1}, headers=header)
    assert rotated == again
    assert reused.json()["code"] == "key-reused"

    await hear(*gifts(1))
    async with working():
        await ended()
    (got,) = receiver.taken
    assert len(got.headers["webhook-signature"].split(" ")) == 2
    assert got.verify(rotated["secret"]) == got.verify(made["secret"])

    async with database.transaction() as tx:
        await tx.execute(
            text("UPDATE endpoint_secrets SET ends_at = now() WHERE ends_at IS NOT NULL")
        )
    await hear(*gifts(1))
    async with working():
        await ended()
    assert len(receiver.taken[-1].headers["webhook-signature"].split(" ")) == 1
    assert receiver.taken[-1].verify(rotated["secret"])


@pytest.mark.parametrize("overlaps", [[0], [3_600, 0], [3_600, 3_600]])
async def test_never_more_than_two_secrets_sign_and_none_after_an_overlap_of_nothing(
    charts, add, database, keys, overlaps
):
    made = await add(URL)
    path = f"{ENDPOINTS_PATH}/{made['endpoint']}/secrets"
    shown = [made["secret"]]
    for seconds in overlaps:
        answer = await charts.post(path, json={"overlap_seconds": seconds}, headers=key())
        shown.append(answer.json()["secret"])
    async with database.transaction() as tx:
        (signing,) = (await valid_secrets(tx, keys, [made["endpoint"]])).values()

    assert signing == ([shown[-1], shown[-2]] if overlaps[-1] else [shown[-1]])
