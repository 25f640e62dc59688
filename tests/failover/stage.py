"""The real system on a PostgreSQL that fails over: three servers, Patroni, etcd and HAProxy."""

from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.ctl.installation import Installation
from deploy.harness.patroni import PatroniCluster
from deploy.harness.servers import Servers, choose_rabbit
from deploy.harness.system import System
from tests.chaos.stage import installation_of


class FailoverSystem(System):
    """Everything, whose services reach the primary at the address of HAProxy."""

    def __init__(self, servers: Servers, cluster: PatroniCluster) -> None:
        super().__init__(servers=servers)
        self.cluster = cluster

    @property
    def payments_key(self) -> str:
        return self.secrets.payments_key

    @property
    def installation(self) -> Installation:
        """Return where it is for its operator."""
        return installation_of(self)


@asynccontextmanager
async def running() -> AsyncIterator[FailoverSystem]:
    """Start the servers, then everything else, and end it all."""
    cluster, rabbit = PatroniCluster(), choose_rabbit()
    system = FailoverSystem(Servers(cluster, rabbit), cluster)
    try:
        await to_thread(cluster.start)
        await to_thread(rabbit.start)
        await to_thread(system.open)
        yield system
    finally:
        await to_thread(system.stop)
        await to_thread(rabbit.close)
        await to_thread(cluster.close)
