"""Reports of abuse: filed in private by anyone, followed by a number and a secret code (R-SET-4).

Nobody needs to say who they are: neither account nor address of the reporter is kept. What they write is
encrypted, and whoever of the staff reads it is on record (R-AUD-0).
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from sqlalchemy import select

from app import clock, crypto, policy
from app.db import db, lock, transaction
from app.documents import sniff, store
from app.errors import Conflict, InvalidInput, NotFound
from app.models.abuse import AbuseCategory, AbuseReply, AbuseReport, AbuseState
from app.models.catalogue import Supplier
from app.models.companies import Company
from app.models.numbers import digits
from app.policy import Actor, Permission, Role
from app.workflows import lifecycle, record
from app.workflows.lifecycle import Edge, Lifecycle

LONGEST_ABOUT = 200
LONGEST_BODY = 5000
LONGEST_CONTACT = 200
LONGEST_REPLY = 3000
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans("OIL", "011")
_NUMBER = re.compile(r"A(\d{4})-?(\d{1,18})")
REPORTER = Actor(id=None, role=Role.SYSTEM, name="신고인")
"""Whoever files: without a name and without an address."""

ABUSE = Lifecycle(
    "abuse_report",
    AbuseReport,
    (AbuseState.RECEIVED,),
    (
        Edge(
            action="take",
            label="맡기",
            source=AbuseState.RECEIVED,
            target=AbuseState.LOOKING,
            permission=Permission.ABUSE_ANSWER,
        ),
        Edge(
            action="answer",
            label="답변",
            source=AbuseState.LOOKING,
            target=AbuseState.ANSWERED,
            permission=Permission.ABUSE_ANSWER,
        ),
        Edge(
            action="more",
            label="추가 내용",
            source=AbuseState.ANSWERED,
            target=AbuseState.LOOKING,
            permission=Permission.CLOCKWORK,
        ),
        *(
            Edge(
                action="close",
                label="처리 완료",
                source=source,
                target=AbuseState.CLOSED,
                permission=Permission.ABUSE_ANSWER,
                needs_reason=True,
                confirm="처리를 끝낼까요? 끝내면 되돌릴 수 없고, 적은 처리 결과는 신고인이 볼 수 있습니다.",
            )
            for source in (AbuseState.LOOKING, AbuseState.ANSWERED)
        ),
    ),
)


@dataclass(frozen=True)
class Upload:
    file_name: str
    content: bytes


@dataclass(frozen=True)
class Filed:
    """What the reporter keeps: the code is shown now and never again."""

    number: str
    code: str


def file(
    *,
    category: AbuseCategory,
    about: str,
    body: str,
    contact: str = "",
    upload: Upload | None = None,
    form_id: str = "",
) -> Filed:
    """Take a report; the same form sent twice is one report with the same code. Raises InvalidInput."""
    about = _text(about, "about", "신고 대상을", LONGEST_ABOUT)
    body = _text(body, "body", "신고 내용을", LONGEST_BODY)
    contact = contact.strip()
    if len(contact) > LONGEST_CONTACT:
        said = f"연락처는 {LONGEST_CONTACT:,}자까지 입력해 주세요."
        raise InvalidInput("abuse.contact", said, fields={"contact": said})
    kept = _keep(upload)
    code = _code_of(f"{form_id} {body}" if form_id else secrets.token_hex(16))
    with transaction() as session:
        found = session.scalar(select(AbuseReport).where(AbuseReport.code_index == _index(code)))
        if found is None:
            found = AbuseReport(
                code_index=_index(code),
                category=category,
                about=about,
                body=body,
                contact=contact or None,
                state=AbuseState.RECEIVED,
                at=clock.now(),
                **kept,
            )
            lifecycle.begin(ABUSE, found, actor=REPORTER, action="file")
        return Filed(found.number, "-".join(code[at : at + 4] for at in range(0, 16, 4)))


def _keep(upload: Upload | None) -> dict[str, str]:
    """Sealed in the store: a picture may show who took it."""
    if upload is None:
        return {}
    try:
        kind = sniff.accept(upload.content)
    except InvalidInput as refusal:
        raise InvalidInput(refusal.code, refusal.text, fields={"file": refusal.text}) from refusal
    sha256 = store.put(crypto.seal(upload.content))
    return {"sha256": sha256, "file_name": sniff.safe_name(upload.file_name), "file_type": kind}


def _code_of(seed: str) -> str:
    """80 bits that only this server can make of a form's own random number."""
    bits = int.from_bytes(crypto.blind_index(f"abuse code {seed}")[:10])
    return "".join(_LETTERS[bits >> shift & 31] for shift in range(75, -1, -5))


def _index(code: str) -> bytes:
    return crypto.blind_index(f"abuse report {code}")


def _text(text: str, field: str, label: str, longest: int) -> str:
    text = text.strip()
    if not 1 <= len(text) <= longest:
        said = f"{label} {longest:,}자까지 입력해 주세요."
        raise InvalidInput(f"abuse.{field}", said, fields={field: said})
    return text


def follow(*, number: str, code: str) -> AbuseReport:
    """The report of whoever knows both. Raises NotFound, in the same words whichever is wrong."""
    plain = re.sub(r"[\s-]", "", code.upper()).translate(_MISREAD)
    named = _NUMBER.fullmatch(re.sub(r"\s", "", number.upper()))
    report = db.session.scalar(select(AbuseReport).where(AbuseReport.code_index == _index(plain)))
    if report is None or named is None or report.number != f"A{named[1]}-{int(named[2]):06}":
        raise NotFound(
            "abuse.unknown",
            "접수번호나 확인코드가 맞지 않습니다. 신고할 때 받은 두 가지를 다시 확인해 주세요.",
        )
    return report


def add(*, number: str, code: str, body: str) -> AbuseReport:
    """The reporter writes more; the same words again are one. Raises NotFound, InvalidInput, Conflict."""
    body = _text(body, "body", "내용을", LONGEST_REPLY)
    with transaction():
        report = lock(AbuseReport, follow(number=number, code=code).id)
        if report.state is AbuseState.CLOSED:
            raise Conflict(
                "abuse.closed", "처리가 끝난 신고입니다. 더 알릴 내용이 있으면 새로 신고해 주세요."
            )
        if not _is_last(report, body, from_staff=False):
            _say(report, body, by_id=None)
            if report.state is AbuseState.ANSWERED:
                lifecycle.fire(ABUSE, report.id, "more", actor=REPORTER)
            else:
                record.write(ABUSE.entity, report.id, "add", actor=REPORTER)
        return report


def _is_last(report: AbuseReport, body: str, *, from_staff: bool) -> bool:
    last = report.replies[-1] if report.replies else None
    return last is not None and last.from_staff is from_staff and last.body == body


def _say(report: AbuseReport, body: str, *, by_id: int | None) -> None:
    report.replies.append(
        AbuseReply(report_id=report.id, from_staff=by_id is not None, body=body, by_id=by_id, at=clock.now())
    )
    db.session.flush()


def take(*, actor: Actor, report_id: int) -> AbuseReport:
    """Begin to look into it. Raises as `lifecycle.fire`."""
    return _fire(report_id, "take", actor=actor, changes={"owner_id": actor.id})


def answer(*, actor: Actor, report_id: int, body: str) -> AbuseReport:
    """A word to the reporter. Raises Denied, NotFound, InvalidInput, Conflict."""
    policy.require(actor, Permission.ABUSE_ANSWER)
    body = _text(body, "body", "답변을", LONGEST_REPLY)
    with transaction():
        report = lock(AbuseReport, report_id)
        if report.state is AbuseState.ANSWERED:
            if _is_last(report, body, from_staff=True):
                return report
            record.write(ABUSE.entity, report.id, "answer", actor=actor)
        else:
            _fire(report_id, "answer", actor=actor)
        _say(report, body, by_id=actor.id)
        return report


def close(*, actor: Actor, report_id: int, reason: str) -> AbuseReport:
    """End it; the reason is the last word to the reporter, and stands nowhere in the clear."""
    policy.require(actor, Permission.ABUSE_ANSWER)
    reason = _text(reason, "reason", "처리 결과를", LONGEST_REPLY)
    with transaction():
        report = lock(AbuseReport, report_id)
        # The trail is no place for what may name the reporter: it says that there is a result.
        _fire(
            report_id,
            "close",
            actor=actor,
            reason="처리 결과를 신고인에게 답변함",
            changes={"closed_at": clock.now()},
        )
        _say(report, reason, by_id=actor.id)
        return report


def name_parties(*, actor: Actor, report_id: int, company_number: str, supplier_number: str) -> AbuseReport:
    """Say whom it is about, by business number; empty takes it back. Their payments get a signal by it.

    Raises Denied, NotFound, and InvalidInput for a number that nobody joined by.
    """
    policy.require(actor, Permission.ABUSE_ANSWER)
    with transaction() as session:
        report = lock(AbuseReport, report_id)
        company, supplier = digits(company_number), digits(supplier_number)
        found = {
            "company_id": company
            and session.scalar(
                select(Company.id)
                .where(Company.business_number == company)
                .order_by(Company.id.desc())
                .limit(1)
            ),
            "supplier_id": supplier
            and session.scalar(select(Supplier.id).where(Supplier.business_number == supplier)),
        }
        missing = {
            field: "이 사업자등록번호로 참여한 기업이 없습니다. 번호를 확인해 주세요."
            for field, typed, key in (
                ("company_number", company, found["company_id"]),
                ("supplier_number", supplier, found["supplier_id"]),
            )
            if typed and key is None
        }
        if missing:
            raise InvalidInput("abuse.parties", next(iter(missing.values())), fields=missing)
        change = {name: (getattr(report, name), key or None) for name, key in found.items()}
        for name, key in found.items():
            setattr(report, name, key or None)
        session.flush()
        record.write(ABUSE.entity, report.id, "name_parties", actor=actor, change=change)
        return report


def _fire(
    report_id: int,
    action: str,
    *,
    actor: Actor,
    reason: str | None = None,
    changes: dict[str, object] | None = None,
) -> AbuseReport:
    report = lifecycle.fire(ABUSE, report_id, action, actor=actor, reason=reason, changes=changes)
    if not isinstance(report, AbuseReport):
        raise TypeError("not a report of abuse")
    return report
