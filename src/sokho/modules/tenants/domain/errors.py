"""What can go wrong with businesses."""

from uuid import UUID

from sokho.core.domain.errors import ConflictError, NotFoundError
from sokho.core.domain.texts import Text


class TenantExistsError(ConflictError):
    """The business was opened before, by a request whose answer is no longer kept."""

    code = "tenant_exists"
    text = Text(
        vi="Doanh nghiệp này đã được mở từ trước với cùng Idempotency-Key.",
        en="This business was opened before, with the same Idempotency-Key.",
    )


class TenantNotFoundError(NotFoundError):
    """There is no such business."""

    text = Text(vi="Không tìm thấy doanh nghiệp.", en="The business was not found.")

    def __init__(self, tenant_id: UUID) -> None:
        super().__init__(f"Tenant not found: {tenant_id}")
