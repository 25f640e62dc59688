"""
The OpenAPI document, as others read it: its own specification, and Redocly's rules.

`python -m deploy.checks.openapi`. Rules and what we mean are in `deploy/javascript/openapi.mjs`;
the packages are those of `deploy/javascript/package-lock.json`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.checks import ROOT
from deploy.checks.javascript import install

MISSING = (
    "NODE IS MISSING, so the OpenAPI document was not looked at. Install nodejs (20 or newer) and"
    " npm, and run `make check` again."
)
DOCUMENT = ROOT / "deploy" / "gateway" / "openapi.json"


def check(document: Path = DOCUMENT) -> bool:
    """Print what is wrong with a document; return whether nothing is."""
    if not shutil.which("npm"):
        print(MISSING)  # noqa: T201 - it is what this prints
        return "CI" not in os.environ
    command = ("node", "openapi.mjs", str(document))
    return not subprocess.run(command, cwd=install(ROOT), check=False).returncode  # noqa: S603 - ours


if __name__ == "__main__":
    sys.exit(not check())
