"""The agencies' consoles on Flask-Admin: thin pages over the workflows, each with the permission it needs."""

from __future__ import annotations

from flask import Flask
from flask_admin import Admin
from flask_admin.theme import Bootstrap4Theme

from app.backoffice import (
    accounts,
    audit,
    budgets,
    intake,
    ledger,
    market,
    offerings,
    operations,
    settlement,
)
from app.backoffice.abuse import Abuse
from app.backoffice.bank_formats import BankFormats
from app.backoffice.budget_overview import BudgetOverview
from app.backoffice.bulk import Bulk
from app.backoffice.case import Case
from app.backoffice.catalogue import Categories
from app.backoffice.clocks import Clocks
from app.backoffice.dashboard import Dashboard
from app.backoffice.evaluations import Evaluations
from app.backoffice.exports import Exports
from app.backoffice.holds import Holds
from app.backoffice.home import Home
from app.backoffice.mails import Mails
from app.backoffice.months import Months
from app.backoffice.offers import Offers
from app.backoffice.parts import Page
from app.backoffice.posts import Posts
from app.backoffice.programme import Programme
from app.backoffice.questions import Questions
from app.backoffice.reconciliation import Reconciliation
from app.backoffice.ripe import Ripe
from app.backoffice.screening import Screening
from app.backoffice.statements import Statements
from app.backoffice.suppliers import Suppliers
from app.backoffice.suspicion import Suspicion
from app.backoffice.tax_invoices import TaxInvoices
from app.backoffice.trace import Trace
from app.backoffice.unknown import Unknown
from app.backoffice.usage import UsageWarnings
from app.backoffice.waivers import Waivers
from app.models.applications import Application
from app.web import csp

# (category, name, page, address); an endpoint is `console_<address>`.
PAGES: tuple[tuple[str, str, type[Page], str], ...] = (
    ("심사", "심사 건", Case, "case"),
    ("심사", "일괄 처리", Bulk, "bulk"),
    ("심사", "현황판", Dashboard, "dashboard"),
    ("예산", "예산확정", budgets.Budget, "budget"),
    ("예산", "대기·예산 안내", Offers, "offers"),
    ("예산", "예산 현황", BudgetOverview, "budgets"),
    ("예산", "예산포기 요청", Waivers, "waivers"),
    ("예산", "K-Startup 반입", intake.Intake, "intake"),
    ("공급·서비스", "공급기업", Suppliers, "suppliers"),
    ("공급·서비스", "서비스 승인", offerings.Offerings, "offerings"),
    ("공급·서비스", "서비스 분야", Categories, "categories"),
    ("공급·서비스", "서비스 문의", Questions, "questions"),
    ("거래·결제", "거래", market.Deals, "deals"),
    ("거래·결제", "결제", market.Payments, "payments"),
    ("거래·결제", "미확정 결제", Unknown, "unknown"),
    ("거래·결제", "이용 경고", UsageWarnings, "usage"),
    ("거래·결제", "만족도 평가", Evaluations, "evaluations"),
    ("정산", "정산 대상", Ripe, "ripe"),
    ("정산", "정산", settlement.Settlement, "settlement"),
    ("정산", "정산내역서 메일", Mails, "mails"),
    ("정산", "문서 내려받기", Exports, "exports"),
    ("정산", "세금계산서", TaxInvoices, "invoices"),
    ("정산", "은행 양식", BankFormats, "bank_formats"),
    ("정산", "지급 보류", Holds, "holds"),
    ("대사", "대사 차이", Reconciliation, "reconciliation"),
    ("대사", "일별 명세", Statements, "statements"),
    ("점검", "의심 거래", Suspicion, "suspicion"),
    ("점검", "부정 신고", Abuse, "abuse"),
    ("원장·감사", "추적", Trace, "trace"),
    ("원장·감사", "원장", ledger.Journals, "ledger"),
    ("원장·감사", "시산표", ledger.TrialBalance, "trial"),
    ("원장·감사", "월마감", Months, "months"),
    ("원장·감사", "감사기록", audit.Audit, "audit"),
    ("운영", "게시판", Posts, "posts"),
    ("운영", "발송·작업함", operations.Outbox, "outbox"),
    ("운영", "실패한 작업", operations.Jobs, "jobs"),
    ("운영", "계정", accounts.Accounts, "accounts"),
    ("운영", "사업 설정", Programme, "programme"),
    ("운영", "기한 관리", Clocks, "clocks"),
)


def init_app(app: Flask) -> None:
    """Mount the console at /console; its first page is `console.index`."""
    admin = Admin(
        app,
        name="K-비대면바우처 업무시스템",
        index_view=Home(name="업무 홈", url="/console", endpoint="console"),
        theme=Bootstrap4Theme(base_template="backoffice/base.html", fluid=True),
        csp_nonce_generator=csp.nonce,
    )
    # Flask-Admin's list wants the session that it would read from; views themselves import none.
    database = app.extensions["sqlalchemy"]
    queue = {"name": "심사", "category": "심사", "endpoint": "console_screening", "url": "screening"}
    admin.add_view(Screening(Application, database, **queue))
    for category, name, page, address in PAGES:
        admin.add_view(page(name=name, category=category, endpoint=f"console_{address}", url=address))
