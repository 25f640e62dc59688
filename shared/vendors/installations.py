"""
The providers of an installation, as a file of its seeds lists them.

Each has a name of its own (`stripe-eu`), which is in its webhooks' address, and a `kind`: one that
the service knows, or any importable class (`acme.razorpay:Provider`). What else its section has is
for the class. Secrets are not in the file: the class asks for them by name.
"""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from shared.secrets import SECRETS_FOLDER

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """
    One provider of one service of this installation, for the class that makes it.

    `options` is its section of the file, with `${VARIABLES}` of the environment filled in.
    `return_url` is where a page sends a person back to; `is_live` is false where practice money
    moves, and nowhere else. `folder` is where secrets are, by default as the environment says.
    """

    service: str
    name: str
    options: Mapping[str, Any]
    return_url: str | None = None
    is_live: bool = True
    folder: Path | None = None

    def option(self, key: str) -> str:
        """Return an option that has to be there."""
        value = self.options.get(key)
        assert isinstance(value, str), f"provider {self.name} has no {key}"
        assert value, f"provider {self.name} has an empty {key}"
        return value

    def number(self, key: str) -> int:
        """Return an option that has to be there, and a number of at least 1."""
        value = self.options.get(key)
        assert type(value) is int, f"provider {self.name} has no number {key}"
        assert value > 0, f"provider {self.name}: {key} has to be at least 1"
        return value

    def secret(self, key: str) -> str:
        """
        Return a secret: the file `<service>_<name>_<key>`, or a variable of that name in capitals.

        The file is in the folder `<service>_providers` of the secrets, or beside it. While it is
        being replaced it has two lines: see `shared.secrets`.
        """
        file_name = self.secret_name(key)
        value = os.environ.get(file_name.upper())
        if value is None:
            path = self._secret_file(key)
            assert path is not None, f"provider {self.name} needs the secret {file_name}"
            value = path.read_text(encoding="utf-8").strip()
        assert value, f"the secret {file_name} is empty"
        return value

    def has_secret(self, key: str) -> bool:
        return self.secret_name(key).upper() in os.environ or self._secret_file(key) is not None

    def secret_name(self, key: str) -> str:
        """Return what the file of a secret is called."""
        return f"{self.service}_{self.name.replace('-', '_')}_{key}"

    def url_of_fake(self) -> str | None:
        """Return where a fake of the vendor listens; one that moves real money has none."""
        url = self.option("url") if "url" in self.options else None
        assert url is None or not self.is_live, (
            f"{self.name} moves real money: it asks the vendor itself, and no other url"
        )
        return url

    def _secret_file(self, key: str) -> Path | None:
        folder = self.folder or Path(os.environ.get("OVATION_SECRETS_DIR", SECRETS_FOLDER))
        name = self.secret_name(key)
        places = (folder / providers_folder(self.service) / name, folder / name)
        return next((path for path in places if path.is_file()), None)


@dataclass(frozen=True, slots=True)
class Section:
    """A provider as the file lists it; its `${VARIABLES}` are still to be filled in."""

    service: str
    name: str
    kind: str
    options: Mapping[str, Any]

    def installation(
        self, *, is_live: bool, return_url: str | None = None, folder: Path | None = None
    ) -> Installation:
        return Installation(
            service=self.service,
            name=self.name,
            options=_filled(self.options),
            return_url=return_url,
            is_live=is_live,
            folder=folder,
        )


def providers_folder(service: str) -> str:
    """Return which folder, below the secrets' own, has what a service's providers need."""
    return f"{service}_providers"


def read_sections(path: Path, service: str) -> list[Section]:
    """Read which providers a service's file lists, each with a name of its own."""
    listed = tomllib.loads(path.read_text(encoding="utf-8"))
    sections: dict[str, Section] = {}
    for options in listed["providers"]:
        name, kind = options.pop("name"), options.pop("kind")
        assert _NAME.fullmatch(name), f"{name!r} is no name for a provider"
        assert name not in sections, f"two providers are called {name}"
        sections[name] = Section(service, name, kind, options)
    return list(sections.values())


def builder_of(kind: str, kinds: Mapping[str, str]) -> Callable[[Installation], Any]:
    """Import what makes a provider of a kind, which `kinds` or the kind itself names."""
    module, separator, name = kinds.get(kind, kind).partition(":")
    assert separator, f"{kind!r} is no kind of provider: {', '.join(kinds)}, or module:Class"
    made: Callable[[Installation], Any] = getattr(import_module(module), name)
    return made


def _filled(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a section of the file with the environment's variables filled into its texts."""

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        assert name in os.environ, f"the environment has no {name}, which a provider needs"
        return os.environ[name]

    return {
        key: _VARIABLE.sub(value, option) if isinstance(option, str) else option
        for key, option in options.items()
    }
