"""Commands that are imported when they are run: `--help` and completion need only their names."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


@dataclass(frozen=True, slots=True)
class Late:
    """
    A command, or a group of them, of a module in this folder.

    `help` is the first sentence of its own help. `group` is the name of the module's Typer
    application if all of it is meant, and empty for its command of this name.
    """

    module: str
    help: str
    group: str = ""

    def load(self, name: str) -> Any:
        """Import the command or the group."""
        module = import_module(f"deploy.ctl.commands.{self.module}")
        found = get_group(getattr(module, self.group or "app"))
        return found if self.group else found.commands[name]


def late_group(commands: Mapping[str, Late]) -> type[TyperGroup]:
    """Return a class of groups that has these commands."""

    class LateGroup(TyperGroup):
        def __init__(self, **about: Any) -> None:
            listed = {name: TyperCommand(name, help=late.help) for name, late in commands.items()}
            super().__init__(**{**about, "commands": listed})

        def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
            name, command, rest = super().resolve_command(ctx, args)
            return name, commands[name].load(name) if command and name else None, rest

    return LateGroup


def every_command(commands: Mapping[str, Late]) -> dict[str, TyperCommand]:
    """Import all commands; return each by the words that call it, `topology check`."""
    found: dict[str, TyperCommand] = {}

    def walk(words: str, command: Any) -> None:
        if isinstance(command, TyperGroup):
            for name, each in command.commands.items():
                walk(f"{words} {name}", each)
        elif isinstance(command, TyperCommand):
            found[words] = command

    for name, late in commands.items():
        walk(name, late.load(name))
    return found
