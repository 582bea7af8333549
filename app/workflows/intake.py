"""K-Startup intake: preview a file, then take in all its good rows as one decision (R-KST-1 to R-KST-3)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app import clock, policy
from app.db import db, lock, transaction
from app.documents import sheets, sniff
from app.errors import Conflict, NotFound
from app.models.applications import Application, ApplicationState
from app.models.companies import Company, CompanyKind
from app.models.intake import IntakeFile, IntakeState
from app.models.people import Account
from app.models.programme import Agency, Programme
from app.models.vouchers import Instrument, InstrumentKind, InstrumentState
from app.policy import Actor, Permission, Role
from app.workflows import budget, offers, programmes, record, vouchers
from app.workflows.company_edits import phone_index
from app.workflows.intake_rows import COLUMNS, Fault, Row, part, sift


def preview(*, actor: Actor, programme_id: int, file_name: str, content: bytes) -> IntakeFile:
    """Say what would become of each row of a file; nothing is taken in, nothing of a refused row kept.

    Raises Denied, NotFound, InvalidInput `intake.format`, `.too_large`, `.empty`, `.heading`.
    """
    policy.require(actor, Permission.INTAKE_IMPORT)
    with transaction() as session:
        programme = session.get(Programme, programme_id)
        if programme is None:
            raise NotFound()
        agencies = {agency.name: agency.id for agency in programmes.operating_agencies()}
        rows, faults = sift(sheets.read(content), agencies)
        fresh, already = part(rows, *_held(programme_id, rows))
        good, taken = _free_logins(fresh)
        faults = sorted([*faults, *taken], key=lambda fault: fault.row)
        intake = IntakeFile(
            programme_id=programme_id,
            file_name=sniff.safe_name(file_name),
            sha256=hashlib.sha256(content).hexdigest(),
            state=IntakeState.PREVIEWED,
            rows=len(good) + len(already) + len(faults),
            good=len(good),
            already=len(already),
            refused=[fault.dump() for fault in faults],
            good_rows=json.dumps([row.dump() for row in good], ensure_ascii=False),
            previewed_by_id=actor.id,
            previewed_at=clock.now(),
        )
        session.add(intake)
        session.flush()
        counts = {"rows": (None, intake.rows), "good": (None, intake.good), "refused": (None, len(faults))}
        record.write("intake", intake.id, "preview", actor=actor, change=counts)
        return intake


def _held(programme_id: int, rows: Sequence[Row]) -> tuple[set[str], set[str]]:
    """IDs and business numbers that the programme already holds."""
    ids, numbers = [row.kstartup_id.lower() for row in rows], [row.business_number for row in rows]
    of_programme = Company.programme_id == programme_id
    held_ids = db.session.scalars(
        select(func.lower(Company.kstartup_id)).where(of_programme, func.lower(Company.kstartup_id).in_(ids))
    )
    held_numbers = db.session.scalars(
        select(Company.business_number).where(of_programme, Company.business_number.in_(numbers))
    )
    return set(held_ids), set(held_numbers)


def _free_logins(rows: Sequence[Row]) -> tuple[list[Row], list[Fault]]:
    """An ID becomes a log-in; one that somebody else has is refused."""
    wanted = [row.kstartup_id.lower() for row in rows]
    login = func.lower(Account.login)
    taken = set(db.session.scalars(select(login).where(login.in_(wanted))))
    reason = "이 플랫폼에서 다른 회원이 사용 중인 아이디입니다."
    faults = [
        Fault(row.number, COLUMNS["kstartup_id"], reason) for row in rows if row.kstartup_id.lower() in taken
    ]
    return [row for row in rows if row.kstartup_id.lower() not in taken], faults


def confirm(*, actor: Actor, intake_id: int) -> IntakeFile:
    """Take in all good rows of a previewed file, or none; a second time changes nothing.

    Raises Denied, NotFound, Conflict `intake.no_budget`, `intake.nothing`, `intake.raced`.
    """
    policy.require(actor, Permission.INTAKE_IMPORT)
    try:
        with transaction():
            return _confirm(actor, intake_id)
    except IntegrityError as error:
        raise Conflict(
            "intake.raced",
            "미리보기 뒤에 같은 기업이나 아이디가 등록되어 반영하지 않았습니다. 파일을 다시 "
            "올려 미리보기부터 해 주세요.",
        ) from error


def _confirm(actor: Actor, intake_id: int) -> IntakeFile:
    intake = lock(IntakeFile, intake_id)
    if intake.state is IntakeState.IMPORTED:
        return intake
    rows = [Row(**row) for row in json.loads(intake.good_rows or "[]")]
    fresh, already = part(rows, *_held(intake.programme_id, rows))
    if not fresh and not already and not intake.already:
        raise Conflict("intake.nothing", "반영할 수 있는 행이 없습니다. 거절 사유를 고쳐 다시 올려 주세요.")
    _take_in(db.session.get_one(Programme, intake.programme_id), fresh, actor)
    intake.state = IntakeState.IMPORTED
    intake.imported = len(fresh)
    intake.imported_by_id, intake.imported_at = actor.id, clock.now()
    intake.good_rows = None
    db.session.flush()
    record.write("intake", intake.id, "import", actor=actor, change={"imported": (None, len(fresh))})
    return intake


def _take_in(programme: Programme, rows: Sequence[Row], actor: Actor) -> None:
    """In a handful of statements, whatever the number of rows."""
    budget_ids = _reserve(programme, rows)
    companies = [_company(programme, row) for row in rows]
    db.session.add_all(companies)
    db.session.flush()
    pairs = list(zip(rows, companies, strict=True))
    lapses = clock.end_of(clock.today() + timedelta(days=programme.initial_password_days))
    db.session.add_all(_account(row, company, lapses) for row, company in pairs)
    made = [_application(programme, row, company, actor) for row, company in pairs]
    instruments = [_instrument(row, company) for row, company in pairs if row.instrument]
    db.session.add_all([*made, *instruments])
    db.session.flush()
    record.write_many("application", {a.id: {"state": (None, a.state)} for a in made}, "intake", actor=actor)
    chosen = {i.id: {"state": (None, i.state), "kind": (None, i.kind)} for i in instruments}
    record.write_many("instrument", chosen, "choose", actor=actor)
    approved = [a for a in made if a.state is ApplicationState.APPROVED]
    selected_on = {a.id: date.fromisoformat(r.selected_on) for a, r in zip(made, rows, strict=True)}
    if approved:
        vouchers.grant_many(
            approved, programme=programme, budget_ids=budget_ids, selected_on=selected_on, actor=actor
        )


def _reserve(programme: Programme, rows: Sequence[Row]) -> dict[int, int]:
    """Lock the budgets; each must pay for its agency's vouchers, beside what it has offered (R-SCR-4).

    Raises Conflict `intake.no_budget`.
    """
    wanted = Counter(row.agency_id for row in rows if row.instrument)
    budget_ids = budget.budgets_of(programme.id)
    lies = budget.lock_free([budget_ids[a] for a in wanted if a in budget_ids])
    kept = offers.reserved(list(lies))
    free = {key: lies[key] - kept[key] for key in lies}
    grant, _ = vouchers.worth(programme)
    short = {
        agency_id: count * grant - free.get(budget_ids.get(agency_id, 0), 0)
        for agency_id, count in wanted.items()
        if count * grant > free.get(budget_ids.get(agency_id, 0), 0)
    }
    if short:
        names = {a.id: a.name for a in db.session.scalars(select(Agency).where(Agency.id.in_(short)))}
        parts = ", ".join(f"{names[agency_id]} {amount:,}원" for agency_id, amount in short.items())
        raise Conflict(
            "intake.no_budget", f"예산이 부족하여 아무 행도 반영하지 않았습니다. 더 배정할 금액: {parts}"
        )
    return budget_ids


def _company(programme: Programme, row: Row) -> Company:
    return Company(
        programme_id=programme.id,
        agency_id=row.agency_id,
        kstartup_id=row.kstartup_id,
        name=row.name,
        kind=CompanyKind(row.kind),
        business_number=row.business_number,
        representative=row.representative,
        phone=row.phone,
        phone_index=phone_index(row.phone),
        email=row.email,
        contact_name=row.representative,
        contact_phone=row.phone,
        contact_email=row.email,
        payment_contact_name=row.representative,
        payment_contact_phone=row.phone,
        joined_at=clock.now(),
    )


def _account(row: Row, company: Company, lapses: Any) -> Account:
    """With an instrument it opens by '비밀번호 찾기', without by ID+"1" and phone (R-KST-2 to R-KST-4)."""
    return Account(
        login=row.kstartup_id,
        role=Role.DEMAND,
        name=row.representative,
        email=row.email,
        phone=row.phone,
        company_id=company.id,
        opens_by_code_only=row.instrument is None,
        initial_password_lapses_at=lapses if row.instrument is None else None,
        created_at=clock.now(),
    )


def _application(programme: Programme, row: Row, company: Company, actor: Actor) -> Application:
    now, selected = clock.now(), row.instrument is not None
    return Application(
        receipt_number=f"{programme.year}-{company.id:06d}",
        programme_id=programme.id,
        company_id=company.id,
        agency_id=company.agency_id,
        state=ApplicationState.APPROVED if selected else ApplicationState.NOT_APPLIED,
        created_at=now,
        submitted_at=clock.start_of(date.fromisoformat(row.selected_on)) if selected else None,
        approved_by_id=actor.id if selected else None,
        approved_at=now if selected else None,
        marks=[],
    )


def _instrument(row: Row, company: Company) -> Instrument:
    return Instrument(
        company_id=company.id,
        kind=InstrumentKind(row.instrument or ""),
        state=InstrumentState.CHOSEN,
        chosen_at=clock.start_of(date.fromisoformat(row.selected_on)),
    )


def load(*, actor: Actor, intake_id: int) -> IntakeFile:
    policy.require(actor, Permission.INTAKE_IMPORT)
    intake = db.session.get(IntakeFile, intake_id)
    if intake is None:
        raise NotFound()
    return intake


def recent(*, actor: Actor, before: int | None = None, size: int = 20) -> list[IntakeFile]:
    """Newest first; `before` is the id of the last one seen."""
    policy.require(actor, Permission.INTAKE_IMPORT)
    statement = select(IntakeFile).order_by(IntakeFile.id.desc()).limit(size)
    if before is not None:
        statement = statement.where(IntakeFile.id < before)
    return list(db.session.scalars(statement))
