"""
The pages' scripts and styles, bundled: one of each for a page, in place of twenty.

`python -m deploy.bundles` writes `services/web/bundles/` with esbuild; with `--check` it says
whether that is what the sources give. Names of functions stay, so that an error says where it is.
"""

import argparse
import filecmp
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

from deploy.checks import ROOT
from deploy.checks.javascript import MISSING, install, program, run
from services.web.languages import DEFAULT, read_languages
from services.web.pages import ADDRESSES, BUNDLES, KEYS, MADE_OF, SHEETS, STATIC, version_of

# The oldest browsers that README.md names.
TARGET = "--target=chrome100,edge100,firefox105,safari15.4"
BUNDLED = (
    "--bundle",
    TARGET,
    "--minify-whitespace",
    "--minify-syntax",
    "--legal-comments=none",
    "--log-level=warning",
)
PAGES = sorted(set(ADDRESSES.values()))
TEXT = re.compile(r"""["'`]([\w.:-]+)["'`]""")


def write(folder: Path) -> None:
    """Bundle each page into `folder`, and note what of."""
    esbuild = program(install(ROOT), "esbuild")
    for page in PAGES:
        script = (f"{page}.js", "--format=esm", f"--outfile={folder / page}.js")
        run(STATIC, esbuild, *BUNDLED, *script)
        keys = keys_in((folder / f"{page}.js").read_text())
        (folder / KEYS.format(page=page)).write_text(f"{json.dumps(keys, indent=0)}\n")
        sheets = "".join(f'@import "./{sheet}.css";' for sheet in (*SHEETS, page))
        style = ("--loader=css", "--external:*.svg", f"--outfile={folder / page}.css")
        run(STATIC, esbuild, *BUNDLED, *style, given=sheets)
    (folder / MADE_OF).write_text(f"{version_of(STATIC)}\n")


def keys_in(script: str) -> list[str]:
    """
    Return the keys of the messages that a script may show.

    Those are the keys that stand in it, and all codes of the areas whose names do.
    """
    named = set(TEXT.findall(script))
    return sorted(
        key for key in read_languages()[DEFAULT] if key in named or key.partition(":")[0] in named
    )


def check() -> list[str]:
    """Return which files of the bundles are not what the sources give."""
    with tempfile.TemporaryDirectory() as made:
        write(Path(made))
        names = {path.name for folder in (Path(made), BUNDLES) for path in folder.glob("*")}
        _, different, missing = filecmp.cmpfiles(made, BUNDLES, names, shallow=False)
    return sorted((*different, *missing))


def main() -> int:
    parser = argparse.ArgumentParser(description="Bundle the scripts and styles of the pages.")
    parser.add_argument("--check", action="store_true", help="say whether they are up to date")
    arguments = parser.parse_args()
    if not shutil.which("npm"):
        print(MISSING)  # noqa: T201 - it is what this prints
        return 1
    if not arguments.check:
        shutil.rmtree(BUNDLES, ignore_errors=True)
        BUNDLES.mkdir()
        write(BUNDLES)
        return 0
    stale = check()
    if stale:
        print(f"Not what the sources give: {', '.join(stale)}. Run: make contracts")  # noqa: T201
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
