"""
`python -m deploy.demo play | up`: play the story once, or run everything until Ctrl-C.

PROVIDER is with whom the story pays; PROVIDERS, with commas, are those that `up` offers.
"""

import os
import signal
import sys
import time

from deploy.demo import story
from deploy.demo.person import StoryFailed
from deploy.harness.processes import ServerFailed
from deploy.harness.system import System
from deploy.harness.vendors import CHOICES, SANDBOX, chosen

GATEWAY_PORT = 8080


def main(arguments: list[str]) -> None:
    commands = {"play": play, "up": up}
    if len(arguments) != 1 or arguments[0] not in commands:
        raise SystemExit(f"usage: python -m deploy.demo {' | '.join(commands)}")
    # SIGTERM is a Ctrl-C: everything we started ends with us.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        commands[arguments[0]]()
    except (ServerFailed, StoryFailed) as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        print("\nStopped.")


def play() -> None:
    """Play the story against OVATION_URL, or against a system of its own that ends with it."""
    provider, *more = chosen(os.environ.get("PROVIDER") or SANDBOX)
    if more:
        raise ServerFailed("The story is paid with one PROVIDER.")
    if url := os.environ.get("OVATION_URL"):
        balanced = story.play(url.rstrip("/"), provider=provider)
    else:
        print("Starting PostgreSQL, RabbitMQ and all services ...", flush=True)
        started = time.monotonic()
        with System(providers=(provider,)) as system:
            print(f"Everything runs, after {time.monotonic() - started:.0f} s.", flush=True)
            vendor_url = system.vendors.urls.get(provider)
            balanced = story.play(system.gateway_url, provider=provider, vendor_url=vendor_url)
    if not balanced:
        raise SystemExit(1)


def up() -> None:
    """Start everything, say where it is, and stay."""
    started = time.monotonic()
    providers = chosen(os.environ.get("PROVIDERS") or ",".join(CHOICES))
    port = int(os.environ.get("OVATION_PORT", GATEWAY_PORT))
    with System(gateway_port=port, providers=providers) as system:
        print(f"Everything runs, after {time.monotonic() - started:.0f} s.")
        print(f"  pages and API  {system.gateway_url}")
        print(f"  tokens         POST {system.gateway_url}/issuer/token")
        print(f"  providers      {', '.join(providers)}")
        print(f"  logs           {system.folder}")
        print("Ctrl-C stops it.", flush=True)
        signal.pause()


if __name__ == "__main__":
    main(sys.argv[1:])
