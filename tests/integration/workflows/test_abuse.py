"""R-SET-4, R-AUD-0: abuse is reported in private and followed by number and code; every look is on record."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app import crypto
from app.db import db
from app.documents import store
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.abuse import AbuseCategory, AbuseReply, AbuseReport, AbuseState
from app.models.record import AuditRow
from app.policy import Actor, Role
from app.workflows import abuse, abuse_reads
from app.workflows.abuse import Filed, Upload
from tests import factories

pytestmark = pytest.mark.usefixtures("tx")

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\0" * 17 + b"\0\0\0\0IEND\xaeB`\x82"
SECRET = "대표가 결제액의 절반을 현금으로 돌려받았습니다."
CONTACT = "010-1234-5678"


@pytest.fixture
def manager(tx: object) -> Actor:
    return factories.make_actor(Role.PROGRAMME_MANAGER)


def _file(**fields: object) -> Filed:
    given = {
        "category": AbuseCategory.KICKBACK,
        "about": "가나다소프트",
        "body": SECRET,
        "contact": CONTACT,
    }
    return abuse.file(**given | fields)  # type: ignore[arg-type]


def _report() -> AbuseReport:
    return db.session.scalars(select(AbuseReport).order_by(AbuseReport.id.desc()).limit(1)).one()


def _trail(report: AbuseReport) -> list[tuple[str, str, str | None]]:
    rows = db.session.scalars(
        select(AuditRow)
        .where(AuditRow.entity == "abuse_report", AuditRow.entity_id == report.id)
        .order_by(AuditRow.seq)
    )
    return [(row.action, row.actor_name, row.ip) for row in rows]


def test_it_is_followed_by_number_and_code_alone() -> None:
    filed = _file()
    report = _report()
    assert filed.number == report.number and len(filed.code) == 19
    assert abuse.follow(number=filed.number, code=filed.code).id == report.id
    # As people type it: small letters, no hyphens, letters that look like digits.
    assert abuse.follow(number=filed.number.lower(), code=filed.code.lower().replace("-", "")).id == report.id
    other = _file(body="다른 신고입니다.")
    for number, code in (
        (filed.number, other.code),
        (other.number, filed.code),
        (filed.number, "0000-0000-0000-0000"),
        ("A1999-000001", filed.code),
        ("", filed.code),
        (filed.number, ""),
    ):
        with pytest.raises(NotFound) as refused:
            abuse.follow(number=number, code=code)
        assert refused.value.code == "abuse.unknown"


def test_nothing_of_it_lies_in_the_clear() -> None:
    filed = _file(upload=Upload("계좌이체_홍길동.png", PNG))
    row = db.session.execute(text("SELECT * FROM abuse_report")).mappings().one()
    plain = crypto.blind_index("nothing")
    for column in ("about", "body", "contact", "file_name"):
        stored = bytes(row[column])
        assert SECRET.encode() not in stored and CONTACT.encode() not in stored
        assert "홍길동".encode() not in stored and stored != plain
    whole = repr(dict(row)) + repr(db.session.execute(text("SELECT * FROM audit_row")).all())
    assert SECRET not in whole and filed.code not in whole and filed.code.replace("-", "") not in whole
    kept = store.read(row["sha256"])
    assert PNG not in kept and crypto.unseal(kept) == PNG


def test_who_files_is_not_on_record() -> None:
    _file()
    assert _trail(_report()) == [("file", "신고인", None)]


def test_the_same_form_sent_twice_is_one_report_with_one_code() -> None:
    assert _file(form_id="a-form") == _file(form_id="a-form")
    assert _file(form_id="another-form") != _file(form_id="a-form")
    assert db.session.query(AbuseReport).count() == 2


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"about": " "}, "about"),
        ({"body": ""}, "body"),
        ({"body": "가" * 5001}, "body"),
        ({"contact": "0" * 201}, "contact"),
        ({"upload": Upload("악성.pdf", b"MZ no paper")}, "file"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(fields: dict[str, object], wrong: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        _file(**fields)
    assert list(refused.value.fields) == [wrong]
    assert db.session.query(AbuseReport).count() == 0


def test_both_sides_write_until_it_is_closed(manager: Actor) -> None:
    filed = _file()
    report, known = _report(), {"number": filed.number, "code": filed.code}
    abuse.add(**known, body="입금증도 있습니다.")
    abuse.add(**known, body="입금증도 있습니다.")
    assert (report.state, len(report.replies)) == (AbuseState.RECEIVED, 1)
    abuse.take(actor=manager, report_id=report.id)
    abuse.answer(actor=manager, report_id=report.id, body="입금증을 올려 주세요.")
    assert report.state is AbuseState.ANSWERED
    abuse.add(**known, body="올렸습니다.")
    assert report.state is AbuseState.LOOKING, "the office looks again"
    abuse.close(actor=manager, report_id=report.id, reason="환수하기로 했습니다. 알려 주셔서 고맙습니다.")
    assert report.state is AbuseState.CLOSED and report.closed_at is not None
    said = [(reply.from_staff, reply.body) for reply in report.replies]
    assert said[-1] == (True, "환수하기로 했습니다. 알려 주셔서 고맙습니다.") and len(said) == 4
    db.session.commit()
    with pytest.raises(Conflict) as refused:
        abuse.add(**known, body="하나 더")
    assert refused.value.code == "abuse.closed"
    reasons = db.session.scalars(select(AuditRow.reason).where(AuditRow.entity == "abuse_report"))
    assert not any("환수" in (reason or "") for reason in reasons), "no result in the clear"


def test_an_earlier_word_never_changes(manager: Actor) -> None:
    _file()
    report = _report()
    abuse.take(actor=manager, report_id=report.id)
    abuse.answer(actor=manager, report_id=report.id, body="확인 중입니다.")
    db.session.commit()
    with pytest.raises(DBAPIError):
        db.session.execute(text("UPDATE abuse_reply SET from_staff = false"))
    db.session.rollback()
    assert db.session.scalars(select(AbuseReply)).one().from_staff


def test_every_look_is_on_record(manager: Actor) -> None:
    _file(upload=Upload("증거.png", PNG))
    report = _report()
    auditor = factories.make_actor(Role.AUDITOR)
    assert abuse_reads.page(actor=auditor, report_id=report.id).report.body == SECRET
    handed = abuse_reads.file_for(actor=manager, report_id=report.id)
    assert (handed.file_name, handed.content_type, handed.content) == ("증거.png", "image/png", PNG)
    with pytest.raises(InvalidInput):
        abuse_reads.contact(actor=manager, report_id=report.id, reason=" ")
    assert abuse_reads.contact(actor=manager, report_id=report.id, reason="사실 확인") == CONTACT
    assert [(action, name) for action, name, _ in _trail(report)][1:] == [
        ("read", auditor.name),
        ("read_file", manager.name),
        ("read_contact", manager.name),
    ]


@pytest.mark.parametrize(
    "role", [Role.FINANCE_OFFICER, Role.BUDGET_OFFICER, Role.REVIEWER, Role.SYSTEM_ADMIN, Role.DEMAND]
)
def test_others_neither_read_nor_answer(role: Role) -> None:
    _file()
    report, actor = _report(), factories.make_actor(role)
    db.session.commit()
    for read in (abuse_reads.page, abuse_reads.file_for):
        with pytest.raises(Denied):
            read(actor=actor, report_id=report.id)
    with pytest.raises(Denied):
        abuse_reads.listing(actor=actor)
    with pytest.raises((Denied, NotFound)):
        abuse.take(actor=actor, report_id=report.id)
    assert len(_trail(report)) == 1


def test_the_office_says_whom_it_is_about(manager: Actor) -> None:
    _file()
    report, company, supplier = _report(), factories.make_company(), factories.make_supplier()
    number = f"{supplier.business_number[:3]}-{supplier.business_number[3:5]}-{supplier.business_number[5:]}"
    numbers = {"company_number": company.business_number, "supplier_number": number}
    abuse.name_parties(actor=manager, report_id=report.id, **numbers)
    assert (report.company_id, report.supplier_id) == (company.id, supplier.id)
    db.session.commit()
    with pytest.raises(InvalidInput) as refused:
        abuse.name_parties(
            actor=manager, report_id=report.id, company_number="1208800767", supplier_number=number
        )
    assert list(refused.value.fields) == ["company_number"]
    abuse.name_parties(actor=manager, report_id=report.id, company_number="", supplier_number=number)
    assert (report.company_id, report.supplier_id) == (None, supplier.id)


def test_the_queue_holds_what_is_still_to_do(manager: Actor) -> None:
    filed = [_file(body=f"신고 {n}") for n in range(3)]
    first = abuse.follow(number=filed[0].number, code=filed[0].code)
    abuse.take(actor=manager, report_id=first.id)
    abuse.close(actor=manager, report_id=first.id, reason="사실이 아님")
    rows = abuse_reads.listing(actor=manager)
    assert [row.number for row in rows] == [filed[1].number, filed[2].number]
    assert [row.number for row in abuse_reads.listing(actor=manager, after=rows[0].id)] == [filed[2].number]
    assert [row.id for row in abuse_reads.listing(actor=manager, state=AbuseState.CLOSED)] == [first.id]
    assert abuse_reads.counts(actor=manager)[AbuseState.RECEIVED] == 2
