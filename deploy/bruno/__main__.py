"""
Make the collection: `make bruno`, or `python -m deploy.bruno`.

`collection/` is what people write: the tour and the environment of `make up`. Bruno's own program
adds a request for every operation of the OpenAPI document. The whole is written into `dist/bruno`.
"""

import shutil
import sys
from pathlib import Path

from deploy.checks.javascript import install_packages, program, run
from deploy.config.environment import ROOT

HERE = Path(__file__).parent
COLLECTION = HERE / "collection"
MADE = ROOT / "dist" / "bruno"
OPENAPI = ROOT / "deploy" / "gateway" / "openapi.json"


def bru() -> str:
    """Return the path of Bruno's program; it is installed when it is first needed."""
    return program(install_packages(HERE), "bru")


def build(folder: Path) -> None:
    """Write the collection into a folder, in place of an earlier one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    source = ("--source", str(OPENAPI), "--output", str(folder))
    kind = ("--collection-name", "Ovation", "--collection-format", "bru")
    run(ROOT, bru(), "import", "openapi", *source, *kind)
    # The document names no host: the environments are ours.
    shutil.rmtree(folder / "environments")
    shutil.copytree(COLLECTION, folder, dirs_exist_ok=True)


def main() -> int:
    if not shutil.which("npm"):
        print("npm is missing. Install nodejs (20 or newer) and npm.")  # noqa: T201
        return 1
    build(MADE)
    print(f"Open {MADE} in Bruno, and choose the environment `practice`.")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
