"""The threat model names tests; each of them is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_every_test_that_the_threat_model_names_exists():
    page = ROOT / "docs" / "operations" / "security.md"
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", page.read_text()))
    written = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", file.read_text())
    }

    assert named
    assert named <= written, named - written
