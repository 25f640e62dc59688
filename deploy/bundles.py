"""
The pages' scripts and styles, bundled: one of each for a page, in place of twenty.

`python -m deploy.bundles` writes `services/web/bundles/` with esbuild; with `--check` it says
whether that is what the sources give. Names are short in bundles: `--maps FOLDER` writes them with
their source maps, which tell where in the sources an error of a page is.

It also writes `services/web/vendor/`: the player of Lottie's animations, from npm's package. It is
there without bundles as well, and what fetches a part of a page later names it by its file.
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
from services.web.pages import (
    ADDRESSES,
    BUNDLES,
    KEYS,
    LOTTIE_PLAYER,
    MADE_OF,
    SHEETS,
    STATIC,
    VENDOR,
    version_of,
)

# The oldest browsers that README.md names.
TARGET = "--target=chrome100,edge100,firefox105,safari15.4"
BUNDLED = (
    "--bundle",
    TARGET,
    "--minify",
    "--legal-comments=none",
    "--log-level=warning",
)
# What pages fetch when they need it, as files of their own: the first load has none of it.
LATER = ("scenes.js", "scenes.css", "lottie.js")
FETCHED_LATER = tuple(
    f"--external:*/{name}" for name in (*LATER, LOTTIE_PLAYER) if name.endswith(".js")
)
LOTTIE = "lottie-web"
PAGES = sorted(set(ADDRESSES.values()))
TEXT = re.compile(r"""["'`]([\w.:-]+)["'`]""")


def write(folder: Path, *options: str) -> None:
    """Bundle each page into `folder`, and note what of; `options` are esbuild's."""
    esbuild = program(install(ROOT), "esbuild")
    for page in PAGES:
        script = (f"{page}.js", "--format=esm", f"--outfile={folder / page}.js")
        run(STATIC, esbuild, *BUNDLED, *FETCHED_LATER, *script, *options)
        keys = keys_in((folder / f"{page}.js").read_text())
        (folder / KEYS.format(page=page)).write_text(f"{json.dumps(keys, indent=0)}\n")
        sheets = "".join(f'@import "./{sheet}.css";' for sheet in (*SHEETS, page))
        style = ("--loader=css", "--loader:.svg=dataurl", f"--outfile={folder / page}.css")
        run(STATIC, esbuild, *BUNDLED, *style, given=sheets)
    for name in LATER:
        later = (*FETCHED_LATER, "--format=esm", "--external:*.svg", f"--outfile={folder / name}")
        run(STATIC, esbuild, *BUNDLED, name, *later, *options)
    (folder / MADE_OF).write_text(f"{version_of(STATIC)}\n")


def write_vendor(folder: Path) -> None:
    """Write the player of Lottie's animations: it is one script, and knows no expressions."""
    packages = install(ROOT)
    package = packages / "node_modules" / LOTTIE
    version = json.loads((package / "package.json").read_text())["version"]
    licence = f"/*! {LOTTIE} {version}, MIT, see LICENSE-{LOTTIE} in the sources */"
    options = ("--format=esm", f"--banner:js={licence}", f"--outfile={folder / LOTTIE_PLAYER}")
    player = f'export {{ default }} from "./node_modules/{LOTTIE}/build/player/lottie_light.js";'
    run(packages, program(packages, "esbuild"), *BUNDLED, *options, given=player)
    shutil.copy(package / "LICENSE.md", folder / f"LICENSE-{LOTTIE}")


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
    stale = []
    for written, kept in ((write, BUNDLES), (write_vendor, VENDOR)):
        with tempfile.TemporaryDirectory() as made:
            written(Path(made))
            names = {path.name for folder in (Path(made), kept) for path in folder.glob("*")}
            _, different, missing = filecmp.cmpfiles(made, kept, names, shallow=False)
        stale += [*different, *missing]
    return sorted(stale)


def main() -> int:
    parser = argparse.ArgumentParser(description="Bundle the scripts and styles of the pages.")
    parser.add_argument("--check", action="store_true", help="say whether they are up to date")
    parser.add_argument("--maps", type=Path, metavar="FOLDER", help="write them there, with maps")
    arguments = parser.parse_args()
    if not shutil.which("npm"):
        print(MISSING)  # noqa: T201 - it is what this prints
        return 1
    if arguments.maps:
        write(arguments.maps.absolute(), "--sourcemap")
        return 0
    if not arguments.check:
        for written, folder in ((write, BUNDLES), (write_vendor, VENDOR)):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            written(folder)
        return 0
    stale = check()
    if stale:
        print(f"Not what the sources give: {', '.join(stale)}. Run: make contracts")  # noqa: T201
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
