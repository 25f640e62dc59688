"""Free ports to listen on, that stay free while a server is down for a moment."""

import random
import socket

# Below the range the kernel takes the ports of outgoing connections from: a stopped server's
# port must still be free when a test starts it again.
FIRST, LAST = 20_000, 29_999
ATTEMPTS_MAX = 200

_given: set[int] = set()


def free_port() -> int:
    """Return a free port, never the same one twice."""
    for _ in range(ATTEMPTS_MAX):
        port = random.randint(FIRST, LAST)  # noqa: S311 - spread, not secret
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise RuntimeError(f"found no free port between {FIRST} and {LAST}")


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether someone accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
