"""
Build both clients: `make clients`, or `python -m deploy.clients [FOLDER]`.

It writes a wheel and a source distribution for Python, and an npm package, into `dist`.
"""

import sys
from pathlib import Path

from deploy.clients import python_sources, typescript_sources
from deploy.clients.document import read_document
from deploy.config.environment import ROOT


def build(folder: Path) -> None:
    """Generate both clients out of the committed document, and write their packages."""
    folder.mkdir(parents=True, exist_ok=True)
    document = read_document()
    python_sources.build(document, folder)
    typescript_sources.build(document, folder)


if __name__ == "__main__":
    build(Path(sys.argv[1]).absolute() if sys.argv[1:] else ROOT / "dist")
