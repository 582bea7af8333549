"""The demonstration's log-ins. They exist in a demonstration only, so their password is no secret."""

from __future__ import annotations

from typing import NamedTuple

from app.policy import Role

PASSWORD = "Demo-2020-voucher!"  # noqa: S105 - printed at every start of a demonstration


class Login(NamedTuple):
    role: Role
    login: str
    name: str
    agency: str | None = None
    """Code of the agency for its staff."""


STAFF = (
    Login(Role.REVIEWER, "reviewer1", "심사원 김도연", "innopolis"),
    Login(Role.REVIEWER, "reviewer2", "심사원 박서준", "venture"),
    Login(Role.REVIEWER, "reviewer3", "심사원 이하은", "innobiz"),
    Login(Role.REVIEWER, "reviewer4", "심사원 최민재", "mainbiz"),
    Login(Role.MANAGER, "manager1", "관리자 정유진", "innopolis"),
    Login(Role.MANAGER, "manager2", "관리자 한지우", "venture"),
    Login(Role.BUDGET_OFFICER, "budget", "예산담당 오세훈"),
    Login(Role.FINANCE_OFFICER, "finance1", "회계담당 윤미래"),
    Login(Role.FINANCE_OFFICER, "finance2", "회계담당 강현우"),
    Login(Role.PROGRAMME_MANAGER, "programme", "사업관리자 서은지"),
    Login(Role.AUDITOR, "auditor", "감사 문태성"),
    Login(Role.SYSTEM_ADMIN, "sysadmin", "시스템관리자 백승호"),
)
DEMAND = Login(Role.DEMAND, "demand", "수요기업(바우처 사용 중)")
DEMAND_FRESH = Login(Role.DEMAND, "demand2", "수요기업(승인 직후)")
DEMAND_HELD = Login(Role.DEMAND, "demand3", "수요기업(심사보류)")
SUPPLIER = Login(Role.SUPPLIER, "supplier1", "공급기업")


def listed() -> list[dict[str, str]]:
    """`[{"role", "login", "password", "name"}]`, at least one per role."""
    rows = [*STAFF, DEMAND, DEMAND_FRESH, DEMAND_HELD, SUPPLIER]
    return [
        {"role": row.role.value, "login": row.login, "password": PASSWORD, "name": row.name} for row in rows
    ]
