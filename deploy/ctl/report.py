"""What a command finds while it works: lines for people as they come, one document for programs."""

import json
import sys
from dataclasses import dataclass, field

from deploy.ctl.output import tell


@dataclass(slots=True)
class Report:
    """
    Lines and facts of one command.

    A person reads each line when it is added. With `as_json` nothing is printed before `end`, which
    prints all facts, the ones of single items under `items`.
    """

    as_json: bool = False
    items: list[dict[str, object]] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)

    def item(self, text: str, *, style: str | None = None, **facts: object) -> None:
        """Add one thing that was found or done."""
        self.items.append(facts)
        self._tell(text, style)

    def fact(self, text: str, **facts: object) -> None:
        """Add what is true of the whole."""
        self.facts |= facts
        self._tell(text, None)

    def end(self) -> None:
        """Print the document, for a program."""
        if self.as_json:
            document = {**self.facts, "items": self.items}
            sys.stdout.write(json.dumps(document, default=str) + "\n")

    def _tell(self, text: str, style: str | None) -> None:
        if not self.as_json:
            tell(text, style=style)
