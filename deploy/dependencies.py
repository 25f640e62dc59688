"""
What Ovation depends on: the bill of it, and whether anything is known to be wrong with it.

`make audit` asks https://osv.dev about every locked version, development's too. A known
vulnerability fails it, unless `[[tool.ovation.accepted]]` in pyproject.toml says why it does not
concern us, and until when that was thought through. Where the database of vulnerabilities cannot
be reached nothing is audited, which is said loudly and fails nothing.
"""

import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from deploy.config.environment import ROOT

UV = str(Path(sys.executable).with_name("uv"))
VULNERABILITIES_URL = "https://api.osv.dev/"
BILL = ROOT / "dist" / "sbom.cdx.json"
# Without a network the check goes on at once.
TIMEOUTS = {"UV_HTTP_RETRIES": "1", "UV_HTTP_TIMEOUT": "10"}
UNREACHED = "Request failed"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A vulnerability that a person has judged, and why it is accepted for now."""

    id: str
    reason: str
    until: date


def accepted(project: Path = ROOT / "pyproject.toml") -> list[Accepted]:
    """Return what pyproject.toml accepts."""
    ovation = tomllib.loads(project.read_text())["tool"].get("ovation", {})
    return [Accepted(**each) for each in ovation.get("accepted", ())]


def audit(known: Sequence[Accepted], *, url: str = VULNERABILITIES_URL) -> bool:
    """Print the known vulnerabilities of our dependencies; return whether all are accepted."""
    today = datetime.now(UTC).date()
    ignored = [f"--ignore={each.id}" for each in known if each.until >= today]
    command = [UV, "audit", "--frozen", "--preview-features=audit-command", f"--service-url={url}"]
    asked = subprocess.run(
        [*command, *ignored],
        cwd=ROOT,
        env={**os.environ, **TIMEOUTS},
        capture_output=True,
        text=True,
        check=False,
    )
    print(asked.stdout + asked.stderr, end="")
    if asked.returncode and UNREACHED in asked.stderr:
        print(f"NOTHING WAS AUDITED: {url} does not answer. Run `make audit` where it does.")
        return True
    return asked.returncode == 0


def write_bill(target: Path = BILL) -> None:
    """Write the bill of what all images install, as CycloneDX: the lock, and nothing but it."""
    target.parent.mkdir(exist_ok=True)
    command = [UV, "export", "--quiet", "--frozen", "--no-dev", "--preview-features=sbom-export"]
    wanted = ["--group=tools", "--format=cyclonedx1.5", f"--output-file={target}"]
    subprocess.run([*command, *wanted], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    write_bill()
    sys.exit(not audit(accepted()))
