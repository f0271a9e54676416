"""What can go wrong with API keys."""

from uuid import UUID

from sokho.core.domain.errors import ConflictError, NotFoundError
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


class LastManagingKeyError(ConflictError):
    """Without this key nobody in the business could make another one."""

    code = "last_managing_key"
    text = Text(
        vi="Đây là khóa cuối cùng có quyền quản lý khóa; hãy tạo khóa khác trước khi thu hồi.",
        en="This is the last key that can manage keys; make another one before revoking it.",
    )


class ApiKeyNotActiveError(ConflictError):
    """The key was revoked, has expired, or has a successor already: nothing is left to hand on."""

    code = "api_key_not_active"
    text = Text(
        vi="Khóa API đã bị thu hồi, hết hạn hoặc đã có khóa thay thế.",
        en="The API key has been revoked, has expired, or has been replaced.",
    )
