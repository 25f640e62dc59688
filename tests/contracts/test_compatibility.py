"""Within a version a new optional field may come, and nothing else; who breaks it is told how."""

import json
import os
import shutil
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import ConfigDict, Field

from shared.contracts import gate
from shared.contracts.base import Coins, Event, Part, in_unit, like, number
from shared.contracts.compatibility import added, breaks, is_same
from shared.contracts.published import Version
from shared.contracts.schema import data_schema

ROOT = Path(__file__).parent.parent.parent
V1 = Version("gift.sung", 1, 0)
SONG = "0f1d2a52-6d0e-4a5c-8f3b-1c9a7be0d101"


class Mood(StrEnum):
    SUNNY = "sunny"
    GREY = "grey"


class Verse(Part):
    """A part of a song."""

    line: Annotated[str, like("la")]
    mood: Annotated[Mood, like("sunny")]


Singer = Annotated[str, Field(max_length=64, pattern="^[a-z]+$"), like("mira")]


class Sung(Event):
    """A song was sung."""

    name = "gift.sung"
    subject_field = "song"
    partition_field = "singer"
    discriminator_fields = ("take",)

    song: Annotated[UUID, like(SONG)]
    singer: Singer
    take: Annotated[int, number("takes", 1, ge=1, le=9)]
    coins: Coins
    room: Annotated[str, like("room-1")] | None = None
    loud: Annotated[bool, like(False)] = False
    verses: tuple[Verse, ...]
    titles: Annotated[dict[str, str], like({"en": "La"})]


def without(field):
    class Changed(Sung):
        __doc__ = Sung.__doc__

    schema = data_schema(Changed)
    del schema["properties"][field]
    schema["required"] = [name for name in schema["required"] if name != field]
    return schema


def changed(**fields):
    """The schema of the event with other fields; a default is given as a pair."""
    annotations = {
        name: value[0] if isinstance(value, tuple) else value for name, value in fields.items()
    }
    defaults = {name: value[1] for name, value in fields.items() if isinstance(value, tuple)}
    body = {"__annotations__": annotations, "__module__": __name__, **defaults}
    return data_schema(type("Sung", (Sung,), {**body, "__doc__": Sung.__doc__}))


class Moody(StrEnum):
    SUNNY = "sunny"


class Moodier(StrEnum):
    SUNNY = "sunny"
    GREY = "grey"
    STORMY = "stormy"


class Reduced(Part):
    """A part of a song."""

    line: Annotated[str, like("la")]


class Closed(Part):
    """A part of a song."""

    model_config = ConfigDict(extra="forbid")

    line: str
    mood: Mood


def verses_of(mood):
    namespace = {"__annotations__": {"line": str, "mood": mood}, "__module__": __name__}
    return tuple[type("Verse", (Part,), {**namespace, "__doc__": Verse.__doc__}), ...]


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        (without("room"), "`room` is gone. Other teams read it."),
        (changed(verses=tuple[Reduced, ...]), "`verses[].mood` is gone."),
        (changed(key=str), "`key` is new and required."),
        (changed(room=str | None), "`room` was optional and is required now."),
        (changed(singer=(Singer, "mira")), "`singer` was always there and may be missing now."),
        (changed(coins=str), "`coins` changes its type from integer to string."),
        (changed(coins=Coins | None), "`coins` changes its type from integer to integer or null."),
        (changed(song=str), "`song` changes its format from uuid to none."),
        (changed(coins=Annotated[Coins, in_unit("cents", 1)]), "`coins` changes its unit from"),
        (changed(titles=dict[str, str | int]), "`titles{}` changes its type from string to"),
        (changed(titles=dict[str, Any]), "`titles{}` changes its additionalProperties from"),
        (changed(verses=list[Any]), "`verses[]` changes"),
        (changed(loud=(bool, True)), "`loud` changes its default from False to True."),
        (changed(verses=verses_of(Moody)), "`verses[].mood` no longer knows grey."),
        (changed(verses=verses_of(Moodier)), "`verses[].mood` gains stormy."),
        (changed(take=Annotated[int, number("takes", 1, ge=2, le=9)]), "bound (minimum) from 1"),
        (changed(take=Annotated[int, number("takes", 1, ge=1, le=8)]), "bound (maximum) from 9"),
        (changed(take=Annotated[int, number("takes", 1, ge=1)]), "bound (maximum) from 9 to none"),
        (
            changed(singer=Annotated[str, Field(max_length=64, pattern="^[a-z0-9]+$")]),
            "bound (pattern)",
        ),
        (changed(verses=tuple[Closed, ...]), "`verses[]` no longer allows unknown fields"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_breaking_change_is_refused_with_a_way_out(new, sentence):
    (fault, *others) = breaks(V1, data_schema(Sung), new)

    assert fault.startswith("gift.sung 1.0: ")
    assert sentence in fault
    assert "<" not in fault
    assert not others
    assert not is_same(data_schema(Sung), new)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("subject_field", "singer"), ("partition_field", "song"), ("discriminator_fields", ())],
)
def test_what_makes_two_facts_one_stays_what_it_is(attribute, value):
    other = type("Sung", (Sung,), {attribute: value, "__doc__": Sung.__doc__})

    (fault,) = breaks(V1, data_schema(Sung), data_schema(other))

    assert "ids for ever" in fault


def test_an_optional_field_may_come_and_words_may_change():
    old, new = data_schema(Sung), changed(mood=(str | None, None))
    reworded = {**old, "description": "Somebody sang.", "title": "Other"}

    assert breaks(V1, old, new) == []
    assert added(old, new) == ["mood"]
    assert is_same(old, reworded)
    assert not is_same(old, new)


class Grown(Sung):
    """A song was sung."""

    mood: Annotated[str, like("sunny")] | None = None


def test_each_addition_is_published_beside_what_was_there(tmp_path):
    gate.publish([Sung], folder=tmp_path)
    first = (tmp_path / "schemas/gift.sung/1.0.json").read_bytes()

    found = gate.review([Grown], folder=tmp_path)
    assert found.faults == []
    assert found.notes == ["gift.sung gained `mood`: `make contracts` publishes it as 1.1."]
    assert [str(version) for version in gate.publish([Grown], folder=tmp_path)] == ["gift.sung 1.1"]

    assert gate.publish([Grown], folder=tmp_path) == []
    assert gate.review([Grown], folder=tmp_path) == gate.Review()
    assert (tmp_path / "schemas/gift.sung/1.0.json").read_bytes() == first
    assert json.loads((tmp_path / "samples/gift.sung/1.1.json").read_text())["data"]["mood"]
    # Compared with every minor, not only with the first or the last.
    (fault,) = gate.review([Sung], folder=tmp_path).faults
    assert fault.startswith("gift.sung 1.1: `mood` is gone.")


def test_an_event_that_nobody_announces_any_more_is_missed(tmp_path):
    gate.publish([Sung], folder=tmp_path)

    (fault,) = gate.review([], folder=tmp_path).faults

    assert fault.startswith("gift.sung 1: no class publishes it any more.")


@pytest.mark.parametrize("folder", ["schemas", "samples"])
def test_a_published_file_that_is_lost_or_edited_is_missed(tmp_path, folder):
    gate.publish([Sung], folder=tmp_path)
    path = tmp_path / folder / "gift.sung" / "1.0.json"
    path.write_text(path.read_text().replace("song", "hymn", 1))
    (fault, *_) = gate.review([Sung], folder=tmp_path).faults
    assert fault.startswith(f"{folder}/gift.sung/1.0.json was edited.")

    path.unlink()
    assert any("is gone" in fault for fault in gate.review([Sung], folder=tmp_path).faults)


def test_a_file_that_was_written_by_hand_is_noticed(tmp_path):
    gate.publish([Sung], folder=tmp_path)
    here = tmp_path / "schemas" / "gift.sung"
    shutil.copy(here / "1.0.json", here / "1.1.json")

    assert any("edit neither" in fault for fault in gate.review([Sung], folder=tmp_path).faults)


def test_a_sample_that_would_be_another_fact_is_refused(tmp_path, monkeypatch):
    """Rules that no schema shows, as how an id is made, are seen in what was once announced."""
    gate.publish([Sung], folder=tmp_path)
    monkeypatch.setattr(Sung, "name", "gift.sang")  # part of the id
    monkeypatch.setattr(gate, "is_same", lambda *_: True)  # the names inside are others, too
    path = tmp_path / "schemas" / "gift.sung"
    path.rename(path.with_name("gift.sang"))
    samples = tmp_path / "samples" / "gift.sung"
    samples.rename(samples.with_name("gift.sang"))

    faults = gate.review([Sung], folder=tmp_path).faults

    assert any("the id of its sample would be" in fault for fault in faults)


@pytest.fixture
def checkout(tmp_path):
    """The project as somebody has it who is about to change an event."""
    for folder in ("shared", "services", "deploy", "seeds", "docs", ".github"):
        ignored = shutil.ignore_patterns("__pycache__", "secrets", "node_modules")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    # Generated, or in part, like the files of the contracts.
    for file in ("docker-compose.yml", ".env.example"):
        shutil.copy(ROOT / file, tmp_path)

    def edit(file, old, new):
        path = tmp_path / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "deploy.ctl", "contracts", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def newest(event):
        versions = (tmp_path / "shared/contracts/schemas" / event).iterdir()
        return max(int(version.stem.split(".")[1]) for version in versions)

    run.edit, run.newest = edit, newest
    run.folder = tmp_path
    return run


def test_who_renames_a_field_is_told_what_to_do_instead(checkout):
    newest = checkout.newest("gift.sent")
    checkout.edit("shared/contracts/gift.py", "    room: ", "    stage: ")

    code, _, said = checkout("--check")

    assert code == 1
    assert (
        "gift.sent 1.0: `room` is gone. Other teams read it. Keep it and add the new field beside "
        "it as an optional one; or publish version 2 beside version 1 (see CONTRIBUTING.md, "
        "Changing an event).\n"
    ) in said
    assert "Traceback" not in said
    # And it is not written over what was there, either.
    assert checkout()[0] == 1
    assert checkout.newest("gift.sent") == newest


def test_who_adds_an_optional_field_only_hears_how_it_is_published(checkout):
    checkout.edit(
        "shared/contracts/gift.py",
        "    repeat_end: ",
        '    mood: Annotated[Name, like("sunny")] | None = None\n    """How it felt."""\n'
        "    repeat_end: ",
    )

    version = f"1.{checkout.newest('gift.sent') + 1}"

    code, note, said = checkout("--check")

    assert (code, said) == (0, "")
    assert note == f"gift.sent gained `mood`: `make contracts` publishes it as {version}.\n"
    assert checkout()[:2] == (0, f"gift.sent {version} is published.\n")
    page = (checkout.folder / "shared/contracts/EVENTS.md").read_text()
    assert f"/schemas/gift.sent/{version}.json" in page
