"""
The page of the tour: each step of `deploy/tour` with its commands and what they printed.

`API=http://localhost:8080 bash deploy/tour | python -m deploy.docs.tour` writes it anew. A test
compares it with a run.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "deploy" / "tour"
PAGE = ROOT / "docs" / "tour.md"
INTRODUCTION = """\
<!-- Written by deploy/docs/tour.py from a run of deploy/tour. -->

# A tour in five minutes

Start `make up` in one terminal. In another, let the script walk through the public API with curl:

```sh
bash deploy/tour
```

It runs as often as you like, and works when it is pasted into a shell. Below is each step, and
what it printed.
`token`, `call`, `field`, `shown` and `until_is` are small functions at the top of `deploy/tour`."""
CARDS = """\
## Other cards of the sandbox

| card | what happens |
|---|---|
| `4000 0000 0000 0002` | is declined |
| `4000 0000 0000 3220` | succeeds after three seconds |
| `4000 0000 0000 0259` | is disputed after three seconds |
| `4000 0027 6000 0016` | succeeds, and is of Germany; all others are of the United States |
| `4000 0000 0000 7726` | its refund takes three seconds |
| `4000 0000 0000 5126` | its refund fails three seconds after it was made |"""
STEP = re.compile(r"\n(?=\d+\. )")


def tour_page(output: str) -> str:
    """Return the page of what a run of the script printed."""
    commands = dict(_commands())
    blocks = [INTRODUCTION]
    for step in STEP.split(output.strip("\n")):
        title, _, printed = step.partition("\n")
        number, _, text = title.partition(". ")
        first, _, rest = text.removesuffix(":").partition(". ")
        blocks += [f"## {number}. {first}", *([f"{rest}."] if rest else [])]
        kind = "json" if printed.startswith("{") else "text"
        blocks += [f"```sh\n{commands[number]}\n```", f"```{kind}\n{printed.strip()}\n```"]
    return "\n\n".join([*blocks, CARDS]) + "\n"


def _commands() -> list[tuple[str, str]]:
    """Return the commands of each step of the script, by its number."""
    _, *steps = SCRIPT.read_text().split('\nsay "')
    return [(step.partition(". ")[0], step.partition("\n")[2].strip()) for step in steps]


if __name__ == "__main__":
    PAGE.write_text(tour_page(sys.stdin.read()))
