"""Requires TLS, which a trusted reverse proxy terminates."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from facets_svc.errors import SettingsError, UpgradeRequired


class TlsPolicy:
    """Allows requests from a trusted proxy with `X-Forwarded-Proto: https`; all requests if TLS is not `required`.

    `proxies` are addresses or networks (CIDR). Raises `SettingsError` for an invalid one.
    """

    def __init__(self, *, required: bool, proxies: Iterable[str] = ()) -> None:
        self._required = required
        try:
            self._proxies = tuple(ipaddress.ip_network(proxy) for proxy in proxies)
        except ValueError as error:
            raise SettingsError(f"FACETS_TRUSTED_PROXIES: {error}.") from None

    def check(self, peer: str | None, forwarded_proto: Sequence[bytes]) -> None:
        """Raise `UpgradeRequired` unless the request is allowed; `peer` is the address of its sender.

        A chain of proxies may list several protocols: all of them must be https.
        """
        if not self._required:
            return
        hops = [hop.strip().lower() for line in forwarded_proto for hop in line.split(b",")]
        if not (self._trusts(peer) and hops and all(hop == b"https" for hop in hops)):
            raise UpgradeRequired("The service requires TLS. Use https.")

    def _trusts(self, peer: str | None) -> bool:
        try:
            address = ipaddress.ip_address(peer or "")
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._proxies)
