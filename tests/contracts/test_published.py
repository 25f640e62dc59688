"""What is committed for other teams is what the classes say, and it holds what it promises."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest

from deploy.ctl.contracts import OF_EVENTS
from shared.contracts import gate
from shared.contracts.published import HERE, newest, published, schema_path
from shared.contracts.routes import EVENTS
from shared.contracts.samples import envelope, sample, samples
from shared.contracts.schema import ENVELOPE

NODE = Path(__file__).parent / "node"
ASYNCAPI = HERE / "asyncapi.json"
IN_CI = os.environ.get("CI") == "true"


def read(path):
    return json.loads((HERE / path).read_text())


def validator(path):
    schema = read(path)
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema, format_checker=jsonschema.FormatChecker())


def current(name, major=1):
    return validator(newest()[name, major].schema_file)


def test_everything_is_published_and_nothing_was_lost_or_edited():
    """Run `make contracts` after a field was added, and commit what it writes."""
    assert gate.review() == gate.Review()


@pytest.mark.parametrize("name", OF_EVENTS)
def test_a_document_of_the_events_is_up_to_date(name):
    """Run `make contracts`, and look at the difference."""
    path, generate = OF_EVENTS[name]

    assert path.read_text() == generate()


@pytest.mark.parametrize("version", published(), ids=str)
def test_every_sample_ever_published_is_valid_today(version):
    told = read(version.sample_file)
    schema = read(version.schema_file)

    assert schema["$id"] == f"/{version.schema_file}"
    current(ENVELOPE).validate(told)
    if version.name != ENVELOPE:
        current(version.name, version.major).validate(told["data"])
        validator(version.schema_file).validate(told["data"])
        assert told["dataschema"].endswith(schema["$id"])


def test_made_up_events_are_what_the_schemas_allow():
    schemas = {(event.name, event.version): current(event.name, event.version) for event in EVENTS}
    for event in samples(11, 500):
        told = json.loads(envelope(event))
        schemas[event.name, event.version].validate(told["data"])


def test_the_address_of_a_schema_is_where_it_lies():
    for event in EVENTS:
        assert read(schema_path(event.name, event.version).removeprefix("/"))["title"]


def test_every_message_of_the_asyncapi_document_has_an_example_that_validates():
    document = read("asyncapi.json")
    messages = document["components"]["messages"]

    assert set(messages) == {f"{event.name}.v{event.version}" for event in EVENTS}
    for name, message in messages.items():
        (example,) = message["examples"]
        # The parser of the format does not look into examples.
        payload, headers = (
            jsonschema.Draft7Validator({**message[part], "components": document["components"]})
            for part in ("payload", "headers")
        )
        payload.validate(example["payload"])
        headers.validate(example["headers"])
        assert not payload.is_valid({**example["payload"], "type": f"{name} of somebody else"})
        assert not payload.is_valid({**example["payload"], "data": {}})


def test_the_official_parser_finds_nothing_wrong_with_the_asyncapi_document(tmp_path):
    if not (shutil.which("node") and shutil.which("npm")):
        assert not IN_CI, "CI needs Node.js: the AsyncAPI document is not checked without"
        pytest.skip("NOT CHECKED: the AsyncAPI document needs Node.js and npm for its parser")
    install_parser()

    told = judged(ASYNCAPI)

    assert told["diagnostics"] == []
    # Versions of one event share a channel.
    assert told["channels"] == list(dict.fromkeys(event.name for event in EVENTS))
    # It would have found something.
    broken = tmp_path / "broken.json"
    broken.write_text(ASYNCAPI.read_text().replace('"action": "send"', '"action": "shout"'))
    assert judged(broken)["diagnostics"]


def install_parser():
    """Install what the lock file says, unless that is what is there."""
    lock, installed = NODE / "package-lock.json", NODE / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"])


def judged(path):
    return json.loads(run(["node", "check.js", str(path)]))


def run(command):
    done = subprocess.run(command, cwd=NODE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_names_every_event_and_shows_it():
    page = (HERE / "EVENTS.md").read_text()

    for event in EVENTS:
        assert f"### {event.name}\n" in page
        assert event.type() in page
        assert str(sample(event).id) in page
