"""Roles: named sets of scopes, for the people and programs of a business."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from sokho.core.domain.scopes import Scope
from sokho.core.domain.texts import Text


class Role(StrEnum):
    """What somebody is in a business; what they may do follows from it."""

    OWNER = "owner"
    MANAGER = "manager"
    STOREKEEPER = "storekeeper"
    ACCOUNTANT = "accountant"
    VIEWER = "viewer"

    @property
    def scopes(self) -> frozenset[Scope]:
        """What the role permits, as of this version of the service."""
        return _SCOPES[self]

    @property
    def label(self) -> Text:
        """The role's name for people."""
        return _LABELS[self]


_READ: Final = frozenset({Scope.ITEMS_READ, Scope.STOCK_READ, Scope.LOCATIONS_READ})

_SCOPES: Final[Mapping[Role, frozenset[Scope]]] = {
    Role.OWNER: frozenset(Scope),
    Role.MANAGER: frozenset(Scope) - {Scope.KEYS_MANAGE, Scope.TENANT_WRITE},
    Role.STOREKEEPER: _READ | {Scope.STOCK_WRITE},
    Role.ACCOUNTANT: _READ | {Scope.STOCK_LOCK, Scope.TENANT_READ, Scope.AUDIT_READ},
    Role.VIEWER: _READ,
}

_LABELS: Final[Mapping[Role, Text]] = {
    Role.OWNER: Text(vi="chủ doanh nghiệp", en="owner"),
    Role.MANAGER: Text(vi="quản lý", en="manager"),
    Role.STOREKEEPER: Text(vi="thủ kho", en="storekeeper"),
    Role.ACCOUNTANT: Text(vi="kế toán", en="accountant"),
    Role.VIEWER: Text(vi="người xem", en="viewer"),
}
