"""Set-up, committed: companies that can pay, their bills, their log-ins; called by name from outside."""

from __future__ import annotations

from typing import Any

from flask import current_app
from sqlalchemy import text

from app import clock
from app.db import db, transaction
from app.jobs import schedule
from app.models.applications import ApplicationState
from app.models.bulk import BulkKind, BulkRun
from app.models.paper_exports import ExportForm, PaperExport, PaperExportPart
from app.models.payments import Slip, SlipKind, SlipNumber
from app.models.people import Account
from app.models.vouchers import InstrumentKind
from app.policy import Role
from app.workflows import bulk, paper_exports, passwords, record, slips
from app.workflows.paper_exports import Wanted
from tests import factories, money, papers
from tests.integration.workflows import joining

AMOUNT = 10_000
PASSWORD = "Fault-proof-4711!"


def make_payer(*, sandbox: str, bills: int, zeropay: bool = False, cap: int = 4_000_000) -> dict[str, Any]:
    """A company with a voucher worth `cap` won and so many open bills, all of one supplier."""
    kind = InstrumentKind.ZEROPAY if zeropay else InstrumentKind.PERSONAL_CHECK
    payer = money.make_payer(sandbox, cap=cap, kind=kind)
    if zeropay:
        money.deposit(payer, cap)
    account = _opened(payer.actor.id)
    supplier = factories.make_supplier()
    # Each amount stands for its bill: by it a person tells two codes apart.
    deals = [money.make_bill(payer, AMOUNT + n, supplier=supplier).id for n in range(bills)]
    seller = _opened(factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id).id)
    db.session.commit()
    return {
        "login": account.login,
        "seller": seller.login,
        "password": PASSWORD,
        "phone": payer.company.payment_contact_phone,
        "contact": payer.company.contact_phone,
        "company_id": payer.company.id,
        "voucher_id": payer.voucher.id,
        "zeropay": zeropay,
        "deals": deals,
        "amounts": {str(deal): AMOUNT + n for n, deal in enumerate(deals)},
    }


def _opened(account_id: int | None) -> Account:
    with transaction() as session:
        account = session.get_one(Account, account_id)
        account.password_hash = passwords.hash_password(password=PASSWORD)
    return account


def wake(*, name: str) -> str | None:
    """As the schedule would, but now."""
    return schedule.enqueue(current_app._get_current_object(), name)  # type: ignore[attr-defined]


def put_messages(*, count: int, company_id: int, mark: str) -> list[str]:
    """So many texts to a company, each due at once."""
    keys = [f"fault:{mark}:{n}" for n in range(count)]
    with transaction():
        for key in keys:
            record.put(key, "sms", {"company_id": company_id, "text": f"<{key}>"})
    return keys


def put_poison(*, mark: str) -> list[str]:
    """One message that no handler can read, one whose handler kills its process."""
    with transaction():
        record.put(f"poison:{mark}:malformed", "render_slip", {})
        record.put(f"poison:{mark}:deadly", "fault_deadly", {})
    return [f"poison:{mark}:malformed", f"poison:{mark}:deadly"]


def start_bulk(*, rows: int) -> dict[str, int]:
    """예산확정 of so many cases, started by a budget officer (R-SCR-4)."""
    year = 2100 + rows
    stage = joining.set_stage(vouchers=rows, year=year)
    cases = []
    for _ in range(rows):
        company = factories.make_company(programme_id=stage.programme.id, agency_id=stage.agency.id)
        cases.append(factories.make_application(company=company, state=ApplicationState.SCREENED))
    officer = factories.make_actor(Role.BUDGET_OFFICER)
    db.session.commit()
    run = bulk.preview(actor=officer, kind=BulkKind.CONFIRM, application_ids=[case.id for case in cases])
    bulk.start(actor=officer, run_id=run.id)
    return {"run_id": run.id, "programme_id": stage.programme.id}


def bulk_state(*, run_id: int, programme_id: int) -> dict[str, Any]:
    """How far it is, and how many vouchers there are."""
    run = db.session.get_one(BulkRun, run_id)
    query = text(
        "SELECT count(*), count(DISTINCT company_id) FROM voucher WHERE programme_id = :programme_id"
    )
    vouchers, companies = db.session.execute(query, {"programme_id": programme_id}).one()
    return {"state": run.state.value, "done": run.done, "vouchers": vouchers, "companies": companies}


def start_exports(*, documents: int, form: str, year: int) -> list[int]:
    """Two exports of the same documents, for the worker to make (R-DOC-2)."""
    programme = factories.make_programme(year=year)
    officer = factories.make_actor(Role.FINANCE_OFFICER)
    company = factories.make_company(programme_id=programme.id)
    with transaction() as session:
        for number in range(1, documents + 1):
            data = papers.billing().dump()
            data["stamp"] = data["stamp"] | {"number": f"{year}-B-{number:06}"}
            slip = Slip(programme_id=programme.id, kind=SlipKind.BILLING, number=number, data=data)
            slip.code, slip.company_id, slip.issued_at = slips.new_code(), company.id, clock.now()
            session.add(slip)
        session.add(SlipNumber(programme_id=programme.id, kind=SlipKind.BILLING, last=documents))
    wanted = Wanted(kinds=(SlipKind.BILLING,))
    made = [
        paper_exports.start(actor=officer, wanted=wanted, form=ExportForm(form), reason=f"보관 {number}")
        for number in range(2)
    ]
    with transaction():
        programme.is_open = False
    return [export.id for export in made]


def export_state(*, export_id: int) -> dict[str, Any]:
    """How far it is, and the hashes of its files."""
    export = db.session.get_one(PaperExport, export_id)
    rows = db.session.query(PaperExportPart).filter_by(export_id=export_id).order_by(PaperExportPart.number)
    parts = [[part.documents, part.sha256] for part in rows]
    return {"state": export.state.value, "done": export.done, "parts": parts}


def messages(*, keys: list[str]) -> dict[str, dict[str, Any]]:
    """How each stands."""
    query = text("SELECT key, tries, done_at, gave_up_at, error FROM outbox_message WHERE key = ANY(:keys)")
    return {
        row.key: {
            "tries": row.tries,
            "done": bool(row.done_at),
            "gave_up": bool(row.gave_up_at),
            "error": row.error,
        }
        for row in db.session.execute(query, {"keys": keys})
    }


def forget_messages(*, keys: list[str]) -> None:
    """As an operator who has seen to them."""
    with transaction() as session:
        session.execute(
            text("UPDATE outbox_message SET done_at = now() WHERE key = ANY(:keys)"), {"keys": keys}
        )
