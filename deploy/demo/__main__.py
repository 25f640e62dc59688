"""
`python -m deploy.demo play | up`: play the story once, or run everything until Ctrl-C.

PROVIDER is with whom the story pays; PROVIDERS, with commas, are those that `up` offers. KEEP is a
folder that keeps all data of `up`: started again with it, everything is as it was.
"""

import os
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from deploy.config.running import AnotherRuns, shared_with_operators
from deploy.demo import story
from deploy.demo.kept import kept_system
from deploy.demo.operators import operators_variables
from deploy.demo.person import StoryFailed
from deploy.demo.welcome import COMMAND, welcome
from deploy.harness.kept import KeptFolder
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
    """Start everything, say where it is and what to do with it, and stay."""
    started = time.monotonic()
    providers = chosen(os.environ.get("PROVIDERS") or ",".join(CHOICES))
    port = int(os.environ.get("OVATION_PORT", GATEWAY_PORT))

    def tell(step: str) -> None:
        print(f"[{time.monotonic() - started:3.0f} s] {step} ...", flush=True)

    with ExitStack() as ending:
        kept = None
        if named := os.environ.get("KEEP"):
            kept = ending.enter_context(KeptFolder(Path(named)))
            system = kept_system(kept, port, providers, tell)
        else:
            system = System(gateway_port=port, providers=providers, tell=tell)
        ending.enter_context(system)
        operating = _share(system, ending)
        print(f"Everything runs, after {time.monotonic() - started:.0f} s.\n")
        print(welcome(system, providers, operating, kept=kept.folder if kept else None))
        print("\nCtrl-C stops it.", flush=True)
        signal.pause()


def _share(system: System, ending: ExitStack) -> str:
    """Let `ovationctl` find the system until the end; return how it is used."""
    try:
        ending.enter_context(shared_with_operators(operators_variables(system)))
    except AnotherRuns as refused:
        return f"`ovationctl` does not find this one: {refused}"
    return f"{COMMAND} doctor, for example, or {COMMAND} --help (it reads .ovation/env)"


if __name__ == "__main__":
    main(sys.argv[1:])
