"""The TypeScript client: what Node's own test runner says of it, and what its package has."""

import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from deploy.clients import typescript_sources
from deploy.clients.document import read_document

HERE = Path(__file__).parent
# The packages come from a registry, once.
SECONDS_MAX = 240
NODE_MODULE = re.compile(r"""(?:from|import|require)\s*\(?\s*["'](node:|fs|crypto|http|buffer)""")

pytestmark = pytest.mark.skipif(
    not shutil.which("npm") and os.environ.get("CI") != "true",
    reason="NODE IS MISSING: the TypeScript client was not tested",
)


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """Build the package as a release does; return its folder."""
    folder = tmp_path_factory.mktemp("typescript")
    typescript_sources.build(read_document(), folder)
    (built,) = folder.glob("*.tgz")
    with tarfile.open(built) as archive:
        archive.extractall(folder, filter="data")
    (folder / "node_modules").symlink_to(typescript_sources.HERE / "node_modules")
    return folder / "package"


def test_the_client_keeps_its_promises_in_node(package):
    run = subprocess.run(
        ["node", "--test", HERE / "node" / "client.test.mjs"],
        env={**os.environ, "CLIENT": str(package / "dist")},
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )

    assert run.returncode == 0, run.stdout


def test_the_package_has_what_a_browser_runs_and_nothing_else(package):
    files = {path.relative_to(package) for path in package.rglob("*") if path.is_file()}

    assert {path.parts[0] for path in files} == {"dist", "package.json", "README.md"}
    assert {path.suffix for path in files} == {".js", ".ts", ".json", ".md"}
    scripts = [path.read_text() for path in package.rglob("*.js")]
    assert scripts
    assert not [script for script in scripts if NODE_MODULE.search(script)]
