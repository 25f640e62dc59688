"""
Payment providers to practise with: the sandbox, and fakes of vendors beside it.

A fake is a process of its own (`tests/fakes`) that speaks the vendor's protocol, and that the
vendor's own contract judges. Only a checkout has them: no image does.
"""

import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.harness.ports import free_port, listens
from deploy.harness.processes import Process, ServerFailed

ROOT = Path(__file__).parent.parent.parent
SANDBOX = "sandbox"
START_SECONDS_MAX = 60
# Without the methods whose currencies a vendor does not take, no viewer is sent in vain.
PAYPAL_CURRENCIES = ("USD", "EUR", "GBP", "JPY", "BRL")
_SANDBOX = """
[[providers]]
name = "sandbox"
kind = "sandbox"
url = "${PURCHASE_PROVIDER_URL}"

[[methods]]
name = "card"
provider = "sandbox"
"""


@dataclass(frozen=True, slots=True)
class Vendor:
    """
    One fake: `section` and `method` are its lines in the file of providers, `keys` makes what it
    and purchase both know (by the names of purchase's secrets), `options` are the fake's own.
    """

    name: str
    keys: Mapping[str, Callable[[], str]]
    options: Mapping[str, str]
    section: str = ""
    method: str = ""
    fixed: Mapping[str, str] = field(default_factory=dict)


VENDORS: Mapping[str, Vendor] = {
    "stripe": Vendor(
        "stripe",
        keys={
            "api_key": lambda: f"sk_test_{secrets.token_hex(12)}",
            "webhook_secret": lambda: f"whsec_{secrets.token_hex(16)}",
        },
        options={"api_key": "--api-key", "webhook_secret": "--secret"},
    ),
    "paypal": Vendor(
        "paypal",
        keys={
            "client_secret": lambda: secrets.token_hex(16),
            # As PayPal's own ids: seventeen digits and letters.
            "webhook_id": lambda: f"{secrets.randbits(68):017X}",
        },
        options={"client_secret": "--secret", "webhook_id": "--webhook-id"},
        section='client_id = "practice"\n',
        method=f"currencies = {list(PAYPAL_CURRENCIES)}\n",
        fixed={"--client": "practice"},
    ),
}
CHOICES = (SANDBOX, *VENDORS)


def chosen(text: str) -> tuple[str, ...]:
    """Return the providers that a person names, with commas between them; refuse unknown ones."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in CHOICES]
    if unknown or not names:
        raise ServerFailed(f"{text!r} is no list of providers; there are {', '.join(CHOICES)}.")
    return names


class Vendors:
    """
    The providers that an installation for practice takes money with, in the order of its methods.

    `environment` is what purchase has to know of them; `urls` is where each fake listens.
    """

    def __init__(self, names: Sequence[str], *, gateway_url: str) -> None:
        self.names = names
        self.environment: dict[str, str] = {}
        self.urls: dict[str, str] = {}
        self._gateway_url = gateway_url
        self._processes: list[Process] = []

    def start(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Start the fakes and wait for each; write purchase's file of providers."""
        fakes = [VENDORS[name] for name in self.names if name != SANDBOX]
        if not fakes:
            return
        sections = {name: _SANDBOX for name in self.names if name == SANDBOX}
        for vendor in fakes:
            sections[vendor.name] = self._start(vendor, folder, environment)
        for vendor, process in zip(fakes, self._processes, strict=True):
            port = int(self.urls[vendor.name].rpartition(":")[2])
            process.wait_until(
                lambda port=port: listens(port),  # type: ignore[misc]
                seconds_max=START_SECONDS_MAX,
            )
        file = folder / "providers.toml"
        file.write_text("".join(sections[name] for name in self.names))
        self.environment["PURCHASE_PROVIDERS_FILE"] = str(file)

    def stop(self) -> None:
        for process in self._processes:
            process.kill()

    def _start(self, vendor: Vendor, folder: Path, environment: Mapping[str, str]) -> str:
        """Start one, and return its part of the file."""
        port, keys = free_port(), {name: make() for name, make in vendor.keys.items()}
        url = self.urls[vendor.name] = f"http://127.0.0.1:{port}"
        webhooks = f"{self._gateway_url}/v1/webhooks/{vendor.name}/payments"
        options = {
            "--port": str(port),
            "--webhooks": webhooks,
            **vendor.fixed,
            **{option: keys[name] for name, option in vendor.options.items()},
        }
        process = Process(
            name=vendor.name,
            command=[
                *(sys.executable, "-m", f"tests.fakes.{vendor.name}"),
                *(word for pair in options.items() for word in pair),
            ],
            log=folder / f"{vendor.name}.log",
            environment={**environment, "PYTHONUNBUFFERED": "1"},
            folder=str(ROOT),
        )
        self._processes.append(process)
        process.start()
        self.environment |= {
            f"PURCHASE_{vendor.name}_{name}".upper(): key for name, key in keys.items()
        }
        return (
            f'\n[[providers]]\nname = "{vendor.name}"\nkind = "{vendor.name}"\nurl = "{url}"\n'
            f'{vendor.section}\n[[methods]]\nname = "{vendor.name}"\n'
            f'provider = "{vendor.name}"\n{vendor.method}'
        )
