"""
Which addresses a request may go to, if somebody outside of the installation chose where it goes.

Only addresses of the public internet: everything else may be ours, and would be asked with our
place in the network (server-side request forgery). The registries of IANA decide, and not the
version of Python that runs: https://www.iana.org/assignments/iana-ipv4-special-registry,
https://www.iana.org/assignments/iana-ipv6-special-registry.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Self, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_NOT_PUBLIC: Sequence[Network] = tuple(
    ip_network(each)
    for each in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24"),
        *("192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        # Of 2000::/3, the only public part of IPv6: Teredo and others, documentation, 6to4, SRv6.
        *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
)
_PUBLIC_IPV6 = IPv6Network("2000::/3")
# What clouds give their machines, secrets among it, also where an operator allows the network
# around it. 168.63.129.16 (Azure) is in a public range.
METADATA: Sequence[Network] = tuple(
    ip_network(each)
    for each in (
        *("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "168.63.129.16/32"),
        *("100.100.100.200/32", "192.0.0.192/32", "fd20:ce::254/128"),
    )
)
LOOPBACK: Sequence[Network] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """
    Public addresses, and those of networks that the operator allows beside them.

    Addresses of metadata services are never allowed.
    """

    networks_allowed: Sequence[Network] = ()

    @classmethod
    def of(cls, networks: Iterable[str], *, loopback: bool = False) -> Self:
        """Read networks as `10.8.0.0/16`; raise `ValueError` for what is none."""
        allowed = [ip_network(each) for each in networks]
        return cls((*allowed, *(LOOPBACK if loopback else ())))

    def allows(self, written: str) -> bool:
        """Whether a connection may go to an address; a name, or a zone, is not one."""
        try:
            address = ip_address(written)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.scope_id is not None:
            return False
        if _is_in(address, METADATA):
            return False
        return _is_in(address, self.networks_allowed) or _is_public(address)

    def names(self, written: str) -> bool:
        """Whether an address is of a network that is allowed by name."""
        try:
            return _is_in(ip_address(written), self.networks_allowed)
        except ValueError:
            return False


def _is_public(address: Address) -> bool:
    # IPv4-mapped, IPv4-compatible, NAT64, ULA, site-local and link-local are all outside of it.
    if isinstance(address, IPv6Address) and address not in _PUBLIC_IPV6:
        return False
    return not _is_in(address, _NOT_PUBLIC)


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)
