"""What stands in the menus, by role (R-ROLE-1), and the lines of help at the foot of every page (R-INS-5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flask import Flask, request, url_for

from app.access import actor_or_none
from app.policy import Actor, Role
from app.web.context import MAIN_MENU, MenuItem
from app.workflows import messages, programmes, questions_reads

# (label, endpoint) or (label, endpoint, children of the same form)
DEMAND = (
    ("나의 바우처", "company.home"),
    (
        "기업정보관리",
        "company.status",
        (
            ("심사 및 예산확인", "company.status"),
            ("기업정보", "company.profile"),
            ("회원정보 수정 이력", "company.edits"),
        ),
    ),
    ("바우처 신청", "voucher.index"),
    (
        "서비스 요청",
        "deals.index",
        (("서비스 요청", "deals.index"), ("장바구니", "deals.cart"), ("내 문의", "questions.index")),
    ),
    (
        "바우처 이용/정산 관리",
        "payments.index",
        (
            ("서비스 결제 관리", "payments.index"),
            ("청구내역", "payments.statement"),
            ("서비스 정산(만족도)", "evaluations.index"),
        ),
    ),
    ("알림", "notifications.index"),
)
SUPPLIER = (
    ("공급기업 홈", "supply.home"),
    ("서비스 요청", "supply.deals", (("서비스 요청", "supply.deals"), ("응답 현황", "supply.numbers"))),
    ("서비스 문의", "supply.questions"),
    ("서비스 관리", "supply.services"),
    ("매출·결제", "supply.sales", (("매출·결제", "supply.sales"), ("세금계산서", "supply.invoices"))),
    (
        "이용실적",
        "supply.usage",
        (
            ("이용실적", "supply.usage"),
            ("이용 경고", "supply.usage_warned"),
            ("시스템 연동(API)", "supply.api_keys"),
        ),
    ),
    ("평가", "supply.evaluations_of_supplier"),
    ("공급대금 정산", "supply.settlement"),
    ("기업정보·계좌", "supply.profile"),
    ("알림", "notifications.index"),
)
MENUS = {Role.DEMAND: DEMAND, Role.SUPPLIER: SUPPLIER}
CATALOGUE = {"services.index", "services.detail", "services.asked", "compare.index"}
"""Pages that anybody opens: without the menu, and at a fixed number of queries."""


def _addresses(entries: Iterable[tuple]) -> Iterator[str]:
    for _, endpoint, *rest in entries:
        yield url_for(endpoint)
        yield from _addresses(rest[0] if rest else ())


def _here(entries: Iterable[tuple]) -> str:
    """The address of the entry under which the page of this request lies: the longest that leads to it."""
    path = request.path
    return max((a for a in _addresses(entries) if path == a or path.startswith(f"{a}/")), key=len, default="")


def _item(entry: tuple, here: str) -> MenuItem:
    label, endpoint, *rest = entry
    children = tuple(_item(child, here) for child in rest[0]) if rest else ()
    address = url_for(endpoint)
    return MenuItem(label, address, address == here and not children, children)


def role_menu() -> list[MenuItem]:
    actor = actor_or_none()
    entries = MENUS.get(actor.role, ()) if actor else ()
    here = _here(entries)
    waiting = _waiting(actor)
    items = [(_item(entry, here), waiting.get(entry[1], 0)) for entry in entries]
    return [item._replace(label=f"{item.label} ({count:,})") if count else item for item, count in items]


def _waiting(actor: Actor | None) -> dict[str, int]:
    """What waits for the person, by the entry that leads there; on their own pages, which show the menu."""
    if (
        actor is None
        or request.endpoint in CATALOGUE
        or request.blueprint == "public"
        or not (actor.company_id or actor.supplier_id)
    ):
        return {}
    waiting = {"notifications.index": messages.unread(actor=actor)}
    if actor.role is Role.SUPPLIER:
        waiting["supply.questions"] = questions_reads.open_count(actor=actor)
    return waiting


def own_place() -> dict[str, str]:
    """The way back from the public pages, which do not show the menu."""
    actor = actor_or_none()
    if actor is None:
        return {}
    entries = MENUS.get(actor.role, ())
    return {"mine": url_for(entries[0][1] if entries else "console.index")}


def main_menu() -> list[MenuItem]:
    return [item._replace(active=request.path.startswith(item.url)) for item in MAIN_MENU]


def help_lines() -> list[tuple[str, str, str]]:
    return [
        ("플랫폼 이용 문의", programmes.PLATFORM_PHONE, "평일 09:00~18:00"),
        ("신한카드", programmes.CARD_PHONE, ""),
        ("제로페이", programmes.ZEROPAY_PHONE, ""),
    ]


def init_app(app: Flask) -> None:
    app.extensions["role_menu"] = role_menu
    app.extensions["main_menu"] = main_menu
    app.extensions["site_urls"] = own_place
    app.extensions["help_lines"] = help_lines
