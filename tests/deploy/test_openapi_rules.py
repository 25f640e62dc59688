"""The OpenAPI document holds what its specification and its readers ask for."""

import json
import shutil

import pytest

from deploy.checks import openapi
from deploy.checks.openapi import DOCUMENT, MISSING, check

needs_npm = pytest.mark.skipif(not shutil.which("npm"), reason="needs npm")


@pytest.fixture
def document():
    return json.loads(DOCUMENT.read_text())


@pytest.fixture
def found(tmp_path, capfd):
    """Check a document, and return whether it is good and what was printed."""

    def look(document):
        file = tmp_path / "openapi.json"
        file.write_text(json.dumps(document))
        return check(file), capfd.readouterr().out

    return look


@needs_npm
def test_the_document_is_good(capfd):
    assert check()
    assert capfd.readouterr().out == ""


@needs_npm
def test_what_is_wrong_is_named_with_its_place(document, found):
    operation = document["paths"]["/v1/wallets/{user}"]["get"]
    operation["tags"] = ["nowhere"]
    document["components"]["schemas"]["Coins"] = {
        "type": "string",
        "pattern": '^\\"$',
        "example": 7,
    }

    is_good, printed = found(document)

    assert not is_good
    assert "operation-tag-defined" in printed
    assert "#/components/schemas/Coins: no-unused-components" in printed
    assert "no-invalid-schema-examples" in printed


@needs_npm
def test_only_payouts_may_look_ambiguous(document, found):
    paths = document["paths"]
    paths["/v1/wallets/history/{user}"] = {
        "get": {**paths["/v1/wallets/{user}"]["get"], "operationId": "another"}
    }

    is_good, printed = found(document)

    assert not is_good
    assert "no-ambiguous-paths" in printed


def test_without_node_it_says_so_and_is_no_success_in_ci(monkeypatch, capsys):
    monkeypatch.setattr(openapi.shutil, "which", lambda _: None)
    monkeypatch.delenv("CI", raising=False)
    assert check()
    assert MISSING in capsys.readouterr().out
    monkeypatch.setenv("CI", "true")
    assert not check()
