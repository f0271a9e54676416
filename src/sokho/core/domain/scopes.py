"""What a key may be allowed to do: the one list of scopes."""

from enum import StrEnum


class Scope(StrEnum):
    """A permission, named ``resource:action``."""

    ITEMS_READ = "items:read"
    ITEMS_WRITE = "items:write"
    STOCK_READ = "stock:read"
    STOCK_WRITE = "stock:write"
    STOCK_LOCK = "stock:lock"
    LOCATIONS_READ = "locations:read"
    LOCATIONS_WRITE = "locations:write"
    KEYS_MANAGE = "keys:manage"
    TENANT_READ = "tenant:read"
    TENANT_WRITE = "tenant:write"
    AUDIT_READ = "audit:read"
