"""Operators upload pictures and films; the catalogue shows them, and everybody may fetch them."""

import asyncio
import hashlib

import pytest
from starlette.requests import ClientDisconnect

from services.gift.commands.catalogue import CatalogueCache
from services.gift.commands.files import UNUSED_DAYS_MAX, remove_unused_files
from services.gift.domain.files import FILM_BYTES_MAX, PICTURE_BYTES_MAX
from services.gift.jobs import build as build_jobs
from services.gift.store import files as store
from services.gift.store.files import read_piece
from shared.postgres.statements import text
from tests.clients import a_token, client_of
from tests.gift.conftest import BASE, CATALOGUE
from tests.gift.pictures import box, lottie, mp4, picture, svg
from tests.gift.test_catalogue import NEW

FILES = "/v1/operator/gifts/files"


@pytest.fixture
def upload(operator):
    async def post(content, kind="application/octet-stream"):
        return await operator.post(FILES, content=content, headers={"Content-Type": kind})

    return post


@pytest.fixture
async def anybody(app):
    async with client_of(app) as client:
        yield client


@pytest.fixture
def run_sql(database):
    async def run(statement):
        async with database.reference.transaction() as tx:
            return list(await tx.execute(text(statement)))

    return run


def digest_of(content):
    return hashlib.sha256(content).hexdigest()


def code_of(answer):
    return answer.status_code, answer.json()["code"]


async def test_an_uploaded_film_is_shown_to_viewers_as_what_it_is(upload, change, mira, anybody):
    film, icon = lottie(), svg()
    uploaded, pictured = (await upload(film)).json(), (await upload(icon)).json()
    said = {"format": "svg", "url": uploaded["url"], "duration_ms": 1_500, "bytes": 1, "width": 9}

    answer = await change("g_tea", icon_url=pictured["url"], animations=[said])

    assert answer.status_code == 200, answer.text
    items = (await mira.get("/v1/catalogue")).json()["items"]
    (tea,) = (item for item in items if item["gift_type"] == "g_tea")
    assert tea["icon_url"] == f"/v1/catalogue/files/{digest_of(icon)}"
    assert tea["animations"] == [
        {
            "format": "lottie",
            "url": f"/v1/catalogue/files/{digest_of(film)}",
            "duration_ms": 1_500,
            "sha256": digest_of(film),
            "bytes": len(film),
            "width": 200,
            "height": 200,
        }
    ]
    assert (await anybody.get(tea["animations"][0]["url"])).content == film


@pytest.mark.parametrize(
    ("content", "media_type", "ending"),
    [
        (svg(), "image/svg+xml", "svg"),
        (picture("PNG"), "image/png", "png"),
        (picture("PNG", count=2), "image/apng", "png"),
        (mp4(), "video/mp4", "mp4"),
        (lottie(), "video/lottie+json", "json"),
    ],
    ids=["svg", "png", "apng", "mp4", "lottie"],
)
async def test_a_file_is_served_as_what_its_bytes_are_and_runs_nothing(
    upload, anybody, content, media_type, ending
):
    # What it is called does not matter.
    url = (await upload(content, "text/html")).json()["url"]

    answer = await anybody.get(url)

    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"sandbox", "default-src 'none'"} <= set(policy)
    assert not any(part.startswith("script-src") for part in policy)
    assert f'.{ending}"' in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("bytes=0-3", 206, slice(0, 4)),
        ("bytes=4-", 206, slice(4, None)),
        ("bytes=-4", 206, slice(-4, None)),
        ("bytes=0-999999999999", 206, slice(None)),
        ("bytes=-999999", 206, slice(None)),
        ("bytes=999999-", 416, None),
        ("bytes=3-1", 416, None),
        ("bytes=-0", 416, None),
        # What is not understood is answered whole, as HTTP wants it.
        ("bytes=0-1,3-4", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
        (f"bytes={'9' * 50}-", 200, slice(None)),
    ],
)
async def test_a_player_gets_the_part_of_a_film_that_it_asks_for(
    upload, anybody, wanted, status, part
):
    film = mp4()
    url = (await upload(film)).json()["url"]

    answer = await anybody.get(url, headers={"Range": wanted})

    assert answer.status_code == status
    assert answer.content == (b"" if part is None else film[part])


@pytest.mark.parametrize(
    ("method", "headers", "read"),
    [
        ("GET", {}, [slice(0, 262_144), slice(262_144, 524_288), slice(524_288, None)]),
        ("GET", {"Range": "bytes=7-7"}, [slice(7, 8)]),
        (
            "GET",
            {"Range": "bytes=100000-500000"},
            [slice(100_000, 362_144), slice(362_144, 500_001)],
        ),
        ("HEAD", {}, [slice(0, 262_144)]),
    ],
    ids=["all", "one byte", "some", "headers"],
)
async def test_of_a_large_film_only_what_is_sent_is_read(
    upload, anybody, monkeypatch, method, headers, read
):
    """Everybody may ask, without a token, and as often as the gateway lets them."""
    film = mp4() + box(b"free", bytes(range(256)) * 2_400)
    url = (await upload(film)).json()["url"]
    pieces = []

    async def noted(*about):
        pieces.append(await read_piece(*about))
        return pieces[-1]

    monkeypatch.setattr(store, "read_piece", noted)
    answer = await anybody.request(method, url, headers=headers)

    expected = [film[part] for part in read]
    assert pieces == expected
    sent = b"".join(expected)
    assert answer.content == (sent if method == "GET" else b"")
    assert int(answer.headers["content-length"]) == len(sent if method == "GET" else film)


async def test_the_same_bytes_are_one_file(upload, operator, run_sql):
    first, second = await upload(svg()), await upload(svg(), "image/svg+xml")

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert len((await operator.get(FILES)).json()["items"]) == 1
    audited = await run_sql("SELECT action, operator FROM audit WHERE action LIKE 'catalogue.f%'")
    assert [tuple(row.values()) for row in map(dict, audited)] == [
        ("catalogue.file_uploaded", "ops")
    ]


async def test_the_same_bytes_at_once_are_one_file(upload, operator):
    answers = await asyncio.gather(*(upload(svg()) for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len((await operator.get(FILES)).json()["items"]) == 1


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", "file-unknown"),
        (b"<html></html>", "file-unsafe"),
        (b"<script>alert(1)</script>", "file-unsafe"),
        (svg("<script>alert(1)</script>"), "file-unsafe"),
        (picture("PNG")[:-1], "file-damaged"),
        (b"%PDF-1.7", "file-unknown"),
        (svg("<g/>" * 10_001), "file-too-large"),
    ],
    ids=["nothing", "page", "script", "drawing", "half", "paper", "many"],
)
async def test_a_file_that_no_gift_can_have_is_refused_and_not_kept(
    upload, operator, anybody, content, refusal
):
    answer = await upload(content, "image/png")

    assert code_of(answer) == (422, refusal)
    assert (await operator.get(FILES)).json()["items"] == []
    assert code_of(await anybody.get(f"/v1/catalogue/files/{digest_of(content)}")) == (
        404,
        "no-such-catalogue-file",
    )


async def test_a_still_picture_may_have_a_mebibyte_and_a_film_four(upload):
    still = svg(f"<desc>{'x' * PICTURE_BYTES_MAX}</desc>")
    film = svg(f"<animate attributeName='r'/><desc>{'x' * PICTURE_BYTES_MAX}</desc>")

    refused = await upload(still)

    assert code_of(refused) == (422, "file-too-large")
    assert refused.json()["max"] == PICTURE_BYTES_MAX
    assert (await upload(film)).status_code == 201


async def test_a_body_of_more_than_a_film_is_refused_here_and_of_less_elsewhere(upload, operator):
    too_long = await upload(b"{" + b" " * FILM_BYTES_MAX)

    async def pieces():
        for _ in range(5):
            yield b" " * (FILM_BYTES_MAX // 4)

    in_pieces = await upload(pieces())
    elsewhere = await operator.post(BASE, content=b" " * 70_000)

    assert code_of(too_long) == code_of(in_pieces) == (413, "body-too-large")
    assert too_long.json()["body_bytes_max"] == in_pieces.json()["body_bytes_max"] == FILM_BYTES_MAX
    assert elsewhere.json()["body_bytes_max"] == 65_536


async def test_an_upload_that_breaks_off_leaves_nothing(upload, operator):
    async def broken():
        yield svg()[:20]
        raise ClientDisconnect

    assert code_of(await upload(broken())) == (400, "body-incomplete")
    assert (await operator.get(FILES)).json()["items"] == []


async def test_an_upload_that_fails_half_way_leaves_nothing(upload, operator, monkeypatch):
    async def fail(*_, **__):
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr("services.gift.commands.files.audit", fail)
        assert (await upload(svg())).status_code >= 500

    assert (await operator.get(FILES)).json()["items"] == []
    assert (await upload(svg())).status_code == 201


async def test_all_files_together_have_no_more_bytes_than_the_installation_allows(
    app, upload, operator
):
    app.state.files_bytes_max = len(svg()) + len(lottie()) - 1
    await upload(svg())

    full = await upload(lottie())

    assert code_of(full) == (409, "files-full")
    assert full.json()["bytes"] == len(svg())
    # What is there already takes no room.
    assert (await upload(svg())).status_code == 200
    listed = (await operator.get(FILES)).json()
    assert (listed["bytes"], listed["bytes_max"]) == (len(svg()), app.state.files_bytes_max)


async def test_of_two_files_for_the_last_room_one_is_kept(app, upload, operator):
    contents = [svg(f"<circle r='{size}'/>") for size in range(1, 9)]
    app.state.files_bytes_max = len(contents[0])

    answers = await asyncio.gather(*map(upload, contents))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert len((await operator.get(FILES)).json()["items"]) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"icon_url": f"/v1/catalogue/files/{'0' * 64}"},
        {"icon_url": "/v1/catalogue/files/../../me"},
        {
            "animations": [
                {
                    "format": "lottie",
                    "url": f"/v1/catalogue/files/{'0' * 64}",
                    "duration_ms": 1_000,
                }
            ]
        },
    ],
)
async def test_a_gift_shows_no_file_that_is_not_there(change, operator, fields):
    changed = await change("g_tea", **fields)
    added = await operator.post(BASE, json={**NEW, **fields})

    assert code_of(changed) == code_of(added) == (404, "no-such-catalogue-file")


async def test_a_film_is_no_icon(upload, change):
    url = (await upload(mp4())).json()["url"]

    assert code_of(await change("g_tea", icon_url=url)) == (422, "no-still-picture")


async def test_a_file_goes_when_no_gift_shows_it(upload, change, operator, anybody):
    url = (await upload(svg())).json()["url"]
    file = url.rpartition("/")[2]
    await change("g_tea", icon_url=url)

    kept = await operator.delete(f"{FILES}/{file}")
    await change("g_tea", icon_url=None)
    gone = await operator.delete(f"{FILES}/{file}")

    assert code_of(kept) == (409, "catalogue-file-in-use")
    assert kept.json()["gift_types"] == ["g_tea"]
    assert gone.status_code == 204
    assert (await anybody.get(url)).status_code == 404
    assert code_of(await operator.delete(f"{FILES}/{file}")) == (404, "no-such-catalogue-file")


async def test_a_file_that_no_gift_showed_for_a_month_goes_by_itself(
    database, upload, change, operator, run_sql
):
    for content in (svg(), lottie(), picture("PNG"), picture("GIF")):
        await upload(content)
    address = "/v1/catalogue/files/"
    film = {"format": "lottie", "url": address + digest_of(lottie()), "duration_ms": 1_000}
    await change(
        "g_tea",
        icon_url=address + digest_of(svg()),
        animations=[film],
        # What apps keep of their own counts, too.
        extension={"badge": address + digest_of(picture("GIF"))},
    )
    past = f"UPDATE catalogue_files SET used_at = used_at - interval '{UNUSED_DAYS_MAX} days 1 s'"
    await run_sql(past)

    async with database.reference.transaction() as tx:
        assert not await remove_unused_files(tx)

    left = {item["file"] for item in (await operator.get(FILES)).json()["items"]}
    assert left == {digest_of(each) for each in (svg(), lottie(), picture("GIF"))}


async def test_a_file_that_was_just_shown_is_kept_for_another_month(
    database, upload, change, operator, run_sql
):
    url = (await upload(svg())).json()["url"]
    await change("g_tea", icon_url=url)
    await run_sql("UPDATE catalogue_files SET used_at = used_at - interval '60 days'")
    jobs = {job.name: job for job in build_jobs(database, CatalogueCache(database, CATALOGUE))}
    await jobs["remove-files"].run()
    await change("g_tea", icon_url=None)

    await jobs["remove-files"].run()

    assert len((await operator.get(FILES)).json()["items"]) == 1


async def test_only_operators_of_the_catalogue_upload_list_and_remove(app, mira):
    async with client_of(app, a_token("ops", roles=["operator"], scope="audit:read")) as other:
        for client in (mira, other):
            for answer in (
                await client.post(FILES, content=svg()),
                await client.get(FILES),
                await client.delete(f"{FILES}/{digest_of(svg())}"),
            ):
                assert code_of(answer) == (403, "scope-missing")
