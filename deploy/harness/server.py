"""A server that is started, stopped and killed, here or in a container, or that is external."""

from types import TracebackType
from typing import Self
from urllib.parse import quote

from deploy.harness.processes import ServerFailed

_EXTERNAL = "OVATION_SERVERS names an external server: it is not ours to start or stop."


class Server:
    """
    A server; its data and its ports stay from start to start.

    It runs below a folder of ours, in a container, or outside: known by its address alone.
    """

    def __init__(self, host: str, port: int, admin_user: str, admin_password: str) -> None:
        self.host = host
        self.port = port
        self.admin_user = admin_user
        self.admin_password = admin_password

    @property
    def place(self) -> str:
        """Return where it is: `host:port`."""
        return f"{self.host}:{self.port}"

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        """Shut down cleanly; `start` goes on with the same data."""
        raise NotImplementedError

    def kill(self) -> None:
        """Kill it without warning; `start` recovers the same data."""
        raise NotImplementedError

    def close(self) -> None:
        """End it for good and leave nothing behind."""

    def answers(self) -> bool:
        """Whether it is ready to be used."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _url(self, scheme: str, path: str, user: str | None, password: str | None) -> str:
        """Return an address at this server, as the administrator unless it says as whom."""
        if user is None:
            user, password = self.admin_user, self.admin_password
        secret = "" if password is None else f":{quote(password, safe='')}"
        return f"{scheme}://{quote(user, safe='')}{secret}@{self.place}/{path}"


class ExternalServer(Server):
    """A server that runs already, and goes on after us."""

    def start(self) -> None:
        """It runs already."""

    def stop(self) -> None:
        raise ServerFailed(_EXTERNAL)

    def kill(self) -> None:
        raise ServerFailed(_EXTERNAL)
