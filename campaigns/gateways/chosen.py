"""Which gateway a store's messages leave through."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings

from backoffice.kernel.tenancy.models import Store
from campaigns.gateways.base import Gateway
from campaigns.gateways.file import FileGateway
from campaigns.gateways.http import HttpGateway

FILE_NAME = "gateway-messages.jsonl"


@dataclass(frozen=True)
class Target:
    """A gateway and the stores whose messages it takes, by id."""

    gateway: Gateway
    stores: dict[int, Store]


def gateway_of(store: Store) -> Gateway | None:
    """The store's own address, else in a local deployment the file gateway. ``None``: its messages wait until it has one."""
    if store.gateway_url:
        return HttpGateway(store.gateway_url, secret_of(store))
    if settings.DEPLOYMENT == "local":
        return FileGateway(settings.LOCAL_STATE_DIR / FILE_NAME)
    return None


def secret_of(store: Store) -> str:
    """The secret that signs the store's calls and receipts."""
    return str(store.gateway_secret or settings.GATEWAY_SECRET)


def group_by_gateway(stores: Iterable[Store]) -> list[Target]:
    """Targets in the order in which their first store comes; stores without a gateway are left out."""
    targets: dict[Gateway, Target] = {}
    for store in stores:
        gateway = gateway_of(store)
        if gateway is not None:
            targets.setdefault(gateway, Target(gateway, {})).stores[store.pk] = store
    return list(targets.values())
