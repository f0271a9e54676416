"""The stable codes of the check, each with a reason in one line."""

from enum import StrEnum
from typing import Final, NamedTuple

from sokho.core.domain.texts import Text


class Level(StrEnum):
    """How much a code says."""

    FINDING = "finding"
    """Tenants are not sealed: exit code 1."""

    ADVICE = "advice"
    """They are; this would make it stronger or quicker."""

    NOT_EXERCISED = "not_exercised"
    """It could not be tried, and so is not known."""


class Code(NamedTuple):
    """What a code stands for."""

    level: Level
    reason: Text


def _finding(vi: str, en: str) -> Code:
    return Code(Level.FINDING, Text(vi, en))


def _advice(vi: str, en: str) -> Code:
    return Code(Level.ADVICE, Text(vi, en))


def _not_exercised(vi: str, en: str) -> Code:
    return Code(Level.NOT_EXERCISED, Text(vi, en))


CODES: Final = {
    # Roles
    "role_superuser": _finding(
        "vai trò của dịch vụ là, hoặc có thể trở thành, superuser: không chính sách nào áp dụng",
        "the service's role is, or can become, a superuser: no policy applies to it",
    ),
    "role_bypassrls": _finding(
        "vai trò của dịch vụ có, hoặc có thể có, BYPASSRLS: không chính sách nào áp dụng",
        "the service's role has, or can get, BYPASSRLS: no policy applies to it",
    ),
    "role_owner": _finding(
        "vai trò của dịch vụ là, hoặc có thể trở thành, chủ sở hữu bảng: nó tắt được chính sách",
        "the service's role is, or can become, the owner: it may switch the policies off",
    ),
    "role_createrole": _finding(
        "vai trò của dịch vụ có, hoặc có thể có, CREATEROLE: nó tự cấp được quyền khác",
        "the service's role has, or can get, CREATEROLE: it may grant itself other roles",
    ),
    "role_replication": _finding(
        "vai trò của dịch vụ có, hoặc có thể có, REPLICATION: nó đọc được mọi thay đổi",
        "the service's role has, or can get, REPLICATION: it may read everybody's changes",
    ),
    "role_predefined": _finding(
        "vai trò của dịch vụ thuộc một vai trò có sẵn đọc hoặc ghi vượt ngoài các chính sách",
        "the service's role is a member of a predefined role that reads or writes past policies",
    ),
    # Tables
    "rls_disabled": _finding("bảo mật theo dòng chưa bật", "row-level security is not enabled"),
    "rls_not_forced": _advice(
        "bảo mật theo dòng chưa áp dụng cho chủ bảng (FORCE)",
        "row-level security is not forced on the owner",
    ),
    "partition_unsealed": _finding(
        "phân vùng hoặc bảng con không có bảo mật theo dòng: ai tới trực tiếp thì không bị lọc",
        "a partition or child table has no row-level security: who comes directly is not filtered",
    ),
    "no_tenant_column": _finding(
        "dịch vụ tới được bảng không có cột doanh nghiệp mà không được khai báo là dùng chung",
        "the service reaches a table without the tenant column that is not declared to be shared",
    ),
    "tenant_nullable": _finding(
        "cột doanh nghiệp có thể là NULL: dòng không của ai, khóa không so sánh được",
        "the tenant column may be NULL: rows of nobody, which keys do not compare",
    ),
    "tenant_type_differs": _advice(
        "cột doanh nghiệp có kiểu khác với ở các bảng khác",
        "the tenant column has another type than in other tables",
    ),
    "foreign_table": _finding(
        "dịch vụ đọc được bảng ngoại, vốn không thể có bảo mật theo dòng",
        "the service reaches a foreign table, which cannot have row-level security",
    ),
    "tenant_default_fixed": _advice(
        "cột doanh nghiệp có giá trị mặc định cố định: dòng quên gán được ghi cho một doanh nghiệp",
        "the tenant column has a fixed default: what is not bound counts as one tenant's",
    ),
    "shared_table_written": _advice(
        "dịch vụ ghi được bảng dùng chung: doanh nghiệp này đọc được điều doanh nghiệp kia ghi",
        "the service writes to a shared table: one tenant reads what another wrote",
    ),
    "shared_table_unknown": _advice(
        "bảng dùng chung được khai báo không tồn tại",
        "a table that is declared to be shared does not exist",
    ),
    # Policies
    "policy_missing": _finding(
        "dịch vụ được cấp một lệnh mà không chính sách nào cho phép",
        "the service is granted a command for which no permissive policy stands",
    ),
    "policy_open": _finding(
        "chính sách để lọt dòng của doanh nghiệp khác (USING)",
        "a policy lets rows of other tenants pass (USING)",
    ),
    "check_open": _finding(
        "chính sách cho ghi dòng của doanh nghiệp khác (WITH CHECK)",
        "a policy lets rows of other tenants be written (WITH CHECK)",
    ),
    "policy_other_setting": _finding(
        "chính sách so sánh với một biến thiết lập khác",
        "a policy compares the tenant with another setting",
    ),
    "policy_other_column": _finding(
        "chính sách so sánh một cột khác, không phải cột doanh nghiệp",
        "a policy compares another column than the tenant's",
    ),
    "policy_function": _finding(
        "chính sách gọi một hàm hay toán tử không đáng tin: VOLATILE, IMMUTABLE, LEAKPROOF, "
        "dịch vụ sửa được, hoặc không trả về doanh nghiệp hiện hành",
        "a policy calls a function or operator that cannot be relied on: VOLATILE, IMMUTABLE, "
        "LEAKPROOF, the service's own, or not telling the bound tenant",
    ),
    "policy_wrapper": _advice(
        "chính sách đọc doanh nghiệp qua một hàm: ai sửa hàm là sửa mọi chính sách",
        "a policy reads the tenant through a function: who changes it changes every policy",
    ),
    "policy_cast": _advice(
        "chính sách ép kiểu cột doanh nghiệp, nên không dùng được chỉ mục",
        "a policy casts the tenant column, so that no index serves it",
    ),
    "policy_loose": _advice(
        "một chính sách rộng hơn doanh nghiệp, chỉ có chính sách chặn (RESTRICTIVE) giữ lại",
        "a policy is wider than the tenant, and only the restrictive floor holds it",
    ),
    "floor_missing": _advice(
        "không có chính sách chặn (RESTRICTIVE): một chính sách thêm sau này có thể mở bảng ra",
        "no restrictive floor: one more policy, some day, could open the table",
    ),
    # Keys
    "unique_without_tenant": _finding(
        "khóa duy nhất không có cột doanh nghiệp: bị từ chối là biết bên khác có giá trị ấy",
        "a unique key without the tenant: a refusal tells that another tenant has the value",
    ),
    "unique_over_ids": _advice(
        "khóa duy nhất không có cột doanh nghiệp, trên giá trị không đoán được hoặc tự sinh",
        "a unique key without the tenant, over values that nobody guesses or that are generated",
    ),
    "foreign_key_without_tenant": _finding(
        "khóa ngoại không ghép cột doanh nghiệp: dòng có thể trỏ tới dòng của doanh nghiệp khác",
        "a foreign key that does not pair the tenant: a row may refer to another tenant's",
    ),
    "foreign_key_clears_tenant": _finding(
        "khóa ngoại đặt lại cột doanh nghiệp khi dòng kia bị xóa hoặc sửa",
        "a foreign key clears the tenant column when the other row goes",
    ),
    "foreign_key_not_validated": _advice(
        "khóa ngoại chưa được kiểm tra trên các dòng cũ",
        "a foreign key was never validated against the rows that were there",
    ),
    "tenant_index_missing": _advice(
        "không có chỉ mục nào bắt đầu bằng cột doanh nghiệp: mỗi lần đọc quét cả bảng",
        "no index leads with the tenant column: each read scans everybody's rows",
    ),
    # Views and functions
    "view_definer": _finding(
        "khung nhìn đọc bảng với quyền của chủ nó, không phải của dịch vụ (thiếu security_invoker)",
        "a view reads with its owner's rights, not the service's (no security_invoker)",
    ),
    "materialized_view": _finding(
        "dịch vụ đọc được khung nhìn vật hóa chứa dòng của mọi doanh nghiệp",
        "the service can read a materialized view, which keeps a copy of everybody's rows",
    ),
    "definer_function": _finding(
        "dịch vụ gọi được hàm SECURITY DEFINER, vốn chạm tới các dòng bằng quyền của chủ nó",
        "the service may call a SECURITY DEFINER function that reaches rows as its owner",
    ),
    "definer_harmless": _advice(
        "dịch vụ gọi được hàm SECURITY DEFINER; hiện nó không chạm tới bảng của doanh nghiệp nào",
        "the service may call a SECURITY DEFINER function; for now it reaches no tenant table",
    ),
    "definer_search_path": _finding(
        "hàm SECURITY DEFINER không cố định search_path: người gọi chọn được bảng mà nó dùng",
        "a SECURITY DEFINER function without a pinned search_path: callers choose its tables",
    ),
    "definer_trigger": _finding(
        "trigger chạy hàm SECURITY DEFINER, vốn chạm tới các dòng bằng quyền của chủ nó",
        "a trigger runs a SECURITY DEFINER function that reaches rows as its owner",
    ),
    "leakproof_function": _finding(
        "hàm tự khai báo LEAKPROOF: nó được chạy trên dòng trước khi chính sách lọc",
        "a function is declared LEAKPROOF: it sees rows before the policies filter them",
    ),
    "function_binds_tenant": _finding(
        "hàm tự đặt biến doanh nghiệp (SET), nên chạy thay cho doanh nghiệp khác",
        "a function sets the tenant by itself (SET), and so runs as another tenant",
    ),
    # Grants
    "excess_grant": _finding(
        "dịch vụ có quyền TRUNCATE, REFERENCES hoặc TRIGGER, vượt ngoài bảo mật theo dòng",
        "the service holds TRUNCATE, REFERENCES or TRIGGER, which row-level security ignores",
    ),
    "granted_to_public": _finding(
        "bảng được cấp cho PUBLIC: mọi vai trò đều tự chọn được doanh nghiệp để đọc",
        "a table is granted to PUBLIC: any role may bind any tenant and read",
    ),
    "schema_create": _finding(
        "dịch vụ tạo được đối tượng trong lược đồ, và che được hàm hay bảng của người khác",
        "the service may create objects in a schema, and put them before others'",
    ),
    "default_privileges": _finding(
        "bảng tạo sau này tự được cấp cho dịch vụ hoặc PUBLIC trước khi ai kịp bảo vệ",
        "tables made later are granted by themselves, before anybody has sealed them",
    ),
    "sequence_granted": _finding(
        "dịch vụ đọc hoặc đặt lại được bộ đếm chung của mọi doanh nghiệp",
        "the service can read or set a sequence that counts everybody's rows",
    ),
    "large_objects": _advice(
        "dịch vụ tới được large object, vốn không có bảo mật theo dòng",
        "the service reaches large objects, which have no row-level security",
    ),
    "system_grant": _finding(
        "dịch vụ được cấp quyền trên danh mục hệ thống hoặc tệp của máy chủ",
        "the service is granted system tables or the server's files",
    ),
    # Settings, publications, rules
    "setting_preset": _finding(
        "phiên làm việc bắt đầu với một doanh nghiệp đặt sẵn: quên gán là đọc của doanh nghiệp ấy",
        "sessions begin with a tenant: whoever forgets to bind reads that tenant's rows",
    ),
    "row_security_off": _finding(
        "row_security được tắt sẵn: truy vấn báo lỗi thay vì được lọc",
        "row_security is preset to off: queries fail instead of being filtered",
    ),
    "publication": _finding(
        "bảng của các doanh nghiệp nằm trong một publication: bên nhận có dòng của tất cả",
        "a tenant table is published: subscribers get everybody's rows",
    ),
    "rewrite_rule": _finding(
        "bảng có luật viết lại (RULE), chạy với quyền của chủ bảng",
        "a table has a rewrite rule, whose statements run with the owner's rights",
    ),
    # Behaviour
    "rows_unbound": _finding(
        "khi chưa gán doanh nghiệp vẫn thấy dòng", "rows are visible with no tenant bound"
    ),
    "rows_empty": _finding(
        "khi gán chuỗi rỗng vẫn thấy dòng", "rows are visible with the empty string bound"
    ),
    "rows_foreign": _finding(
        "khi gán một doanh nghiệp vẫn thấy dòng của doanh nghiệp khác",
        "rows of other tenants are visible to a bound tenant",
    ),
    "rows_hidden": _advice(
        "doanh nghiệp không thấy đủ dòng của chính mình",
        "a tenant does not see all of its own rows",
    ),
    "writes_foreign": _finding(
        "ghi được dòng của doanh nghiệp khác", "another tenant's rows can be written"
    ),
    "binding_stays": _finding(
        "doanh nghiệp đã gán còn lại sau khi giao dịch kết thúc",
        "the bound tenant stays after its transaction",
    ),
    "orphans": _finding(
        "có dòng trỏ tới dòng không tồn tại hoặc của doanh nghiệp khác",
        "there are rows that refer to rows of nobody, or of another tenant",
    ),
    "control_missed": _finding(
        "phép thử không phát hiện được bảng cố ý để hở: kết quả không đáng tin",
        "the check missed a table that was broken on purpose: its result is worth nothing",
    ),
    "nothing_reached": _not_exercised(
        "vai trò này không tới được bảng hay khung nhìn nào ở đây: có đúng là vai trò của dịch vụ?",
        "this role reaches no table and no view here: is it the service's?",
    ),
    "reads_not_exercised": _not_exercised(
        "chưa thử đọc được: không có dòng để thử, không đủ quyền, hoặc quá lâu",
        "reading could not be tried: no rows to try it on, no right to, or no time",
    ),
    "writes_not_exercised": _not_exercised(
        "chưa thử ghi được: không có dòng của hai doanh nghiệp, hoặc không đủ quyền",
        "writing could not be tried: no rows of two tenants, or no right to",
    ),
    "orphans_not_exercised": _not_exercised(
        "chưa đối chiếu được khóa ngoại trên các dòng: không đủ quyền, hoặc quá lâu",
        "foreign keys could not be compared by rows: no right to, or no time",
    ),
}
