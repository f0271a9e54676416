"""What can go wrong with API keys."""

from uuid import UUID

from sokho.core.domain.errors import NotFoundError
from sokho.core.domain.texts import Text


class TenantNotFoundError(NotFoundError):
    """There is no such business for a key to belong to."""

    code = "tenant_not_found"
    text = Text(vi="Không tìm thấy doanh nghiệp.", en="The business was not found.")

    def __init__(self, tenant_id: UUID) -> None:
        self.tenant_id = tenant_id
        super().__init__(f"Tenant not found: {tenant_id}")


class ApiKeyNotFoundError(NotFoundError):
    """There is no such key in this business."""

    text = Text(vi="Không tìm thấy khóa API.", en="The API key was not found.")

    def __init__(self, key_id: UUID) -> None:
        self.key_id = key_id
        super().__init__(f"API key not found: {key_id}")
