"""What can go wrong with businesses."""

from uuid import UUID

from sokho.core.domain.errors import NotFoundError
from sokho.core.domain.texts import Text


class TenantNotFoundError(NotFoundError):
    """There is no such business."""

    text = Text(vi="Không tìm thấy doanh nghiệp.", en="The business was not found.")

    def __init__(self, tenant_id: UUID) -> None:
        super().__init__(f"Tenant not found: {tenant_id}")
