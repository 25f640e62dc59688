"""A system whose data stay in a folder: what has to be the same from start to start."""

from collections.abc import Callable, Sequence

from deploy.config.services import DATABASES
from deploy.harness.kept import KeptFolder
from deploy.harness.system import System


def kept_system(
    kept: KeptFolder, port: int, providers: Sequence[str], tell: Callable[[str], object]
) -> System:
    """Return the system of a folder; tokens of the last time are still good."""
    # The port of the issuer differs each time, and its name must not.
    issuer = f"http://127.0.0.1:{port}/issuer"
    names = {f"{service.upper()}_JWT_ISSUER": issuer for service in DATABASES}
    return System(
        private=kept.servers,
        secrets=kept.secrets,
        gateway_port=port,
        providers=providers,
        tell=tell,
        settings={**names, "ISSUER_URL": issuer},
        additions={"issuer": {"ISSUER_KEY_FILE": str(kept.issuer_key_file)}},
    )
