"""`make check` refuses what TypeScript or Biome find in the pages' JavaScript."""

import json
import shutil

import pytest

from deploy.checks import ROOT, javascript
from deploy.checks.javascript import CHECKED, FOLDER, MISSING, check

STATIC, LANGUAGES = "services/web/static", "services/web/languages"

needs_npm = pytest.mark.skipif(not shutil.which("npm"), reason=MISSING)


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """The pages and what checks them, installed, in a folder of their own."""
    root = tmp_path_factory.mktemp("checkout")
    for name in {*CHECKED, FOLDER} - {"tests"}:
        ignored = shutil.ignore_patterns("node_modules", "made")
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    shutil.copytree(ROOT / LANGUAGES, root / LANGUAGES)
    (root / "tests").mkdir()
    (root / "deploy" / "gateway").mkdir()
    shutil.copy(ROOT / "deploy" / "gateway" / "openapi.json", root / "deploy" / "gateway")
    return root


@needs_npm
def test_what_is_committed_is_good_on_a_clean_machine(copied):
    assert check(copied)


@needs_npm
def test_a_fault_is_refused_and_named(copied, capfd):
    """Among them a field that the API does not have."""
    faults = {
        'void get("/v1/wallets/me").then((own) => own.spent_coins_ever);': "TS2339",
        'void get("/v1/earnings/me", 5);': "TS2554",
        "const nobody = 1;": "noUnusedVariables",
    }
    path = copied / STATIC / "wallet.js"
    path.write_text("\n".join([path.read_text(), *faults, ""]))

    assert not check(copied)

    printed = capfd.readouterr()
    assert all(said in printed.out + printed.err for said in faults.values())


def test_without_node_it_is_said_and_in_ci_it_fails(monkeypatch, capsys):
    monkeypatch.setattr(javascript.shutil, "which", lambda _: None)
    monkeypatch.delenv("CI", raising=False)
    assert check()
    assert MISSING in capsys.readouterr().out

    monkeypatch.setenv("CI", "true")
    assert not check()


def test_every_package_is_locked_with_the_hash_of_its_files():
    lock = json.loads((ROOT / FOLDER / "package-lock.json").read_text())
    wanted = json.loads((ROOT / FOLDER / "package.json").read_text())["devDependencies"]

    assert lock["packages"][""]["devDependencies"] == wanted
    assert all(version[0].isdigit() for version in wanted.values())
    for name, its in lock["packages"].items():
        assert not name or its["integrity"].startswith("sha512-"), name
        # From the registry, wherever that is: no package is an address of its own.
        assert "resolved" not in its, name


def test_nothing_of_it_is_in_the_product():
    """No page names it, and no image has it."""
    assert "deploy/javascript" in (ROOT / ".dockerignore").read_text().splitlines()
    assert STATIC in CHECKED
    assert not list((ROOT / STATIC).rglob("*.ts"))
