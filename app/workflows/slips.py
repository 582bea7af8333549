"""Slips: numbered without gaps, checkable by anyone, drawn by a job from data that stay (R-DOC-1)."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, text

from app import clock, policy
from app.db import db, lock, transaction
from app.documents import cancellation, receipt, settlement_statement, statement, store
from app.documents.slip_data import PaymentPaper, SettlementPaper, Stamp
from app.errors import Conflict, NotFound
from app.models.payments import Payment, Slip, SlipKind
from app.models.settlements import SettlementLine
from app.policy import Actor
from app.workflows import record, slip_snapshots

CHECK_PATH = "/slips/check/"
"""Of the public page; the code follows."""

LETTERS = {
    SlipKind.RECEIPT: "R",
    SlipKind.STATEMENT: "T",
    SlipKind.CANCELLATION: "C",
    SlipKind.SETTLEMENT: "S",
}
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans("OIL", "011")
_CODE = re.compile(rf"[{_ALPHABET}]{{16}}")

_DRAW: dict[SlipKind, Callable[[Mapping[str, object]], bytes]] = {
    SlipKind.RECEIPT: lambda data: receipt.draw(PaymentPaper.load(data)),
    SlipKind.STATEMENT: lambda data: statement.draw(PaymentPaper.load(data)),
    SlipKind.CANCELLATION: lambda data: cancellation.draw(PaymentPaper.load(data)),
    SlipKind.SETTLEMENT: lambda data: settlement_statement.draw(SettlementPaper.load(data)),
}


@dataclass
class _Settings:
    base_url: str = ""
    demonstration: bool = True


_settings = _Settings()


def configure(*, base_url: str, demonstration: bool) -> None:
    """Where the public check page lies, and whether papers bear the mark 시연용 (R-TIME-7)."""
    _settings.base_url = base_url.rstrip("/")
    _settings.demonstration = demonstration


@dataclass(frozen=True)
class SlipFile:
    slip: Slip
    file_name: str
    content: bytes


@dataclass(frozen=True)
class Checked:
    """All that the public check page tells: no party, no item."""

    kind: SlipKind
    number: str
    issued_on: date
    total: int
    """Won."""


def new_code() -> str:
    """80 random bits in Crockford's alphabet: nobody guesses one, and no two letters look alike."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(16))


def _grouped(code: str) -> str:
    return "-".join(code[at : at + 4] for at in range(0, 16, 4))


def show_code(slip: Slip) -> str:
    return _grouped(slip.code)


def number_of(slip: Slip) -> str:
    """`2020-R-000042`, as the paper says."""
    return str(slip.data["stamp"]["number"])


def asked_for(payment_id: int, *kinds: SlipKind) -> dict[str, str]:
    """The outbox message by which a job issues the slips of a payment, dated as of now: `slips_key`, `slips`.

    Not in the payment's own transaction: a number without gaps is a row that all would wait for.
    """
    payload = {
        "payment_id": payment_id,
        "kinds": [kind.value for kind in kinds],
        "at": clock.now().isoformat(),
    }
    return {"slips_key": f"payment:{payment_id}:slips:{kinds[0].value}", "slips": json.dumps(payload)}


def ask(payment_id: int, *kinds: SlipKind) -> None:
    """Have a job issue the slips of a payment: inside the caller's transaction."""
    message = asked_for(payment_id, *kinds)
    record.put(message["slips_key"], "issue_slips", json.loads(message["slips"]))


def issue_asked(payload: Mapping[str, Any], key: str, /) -> None:
    """The outbox handler of 'issue_slips'; run again, it finds the slips issued.

    A cancellation names its receipt, so that one comes first, whichever message is taken up first.
    """
    kinds, at = [SlipKind(value) for value in payload["kinds"]], datetime.fromisoformat(payload["at"])
    with transaction():
        payment = lock(Payment, payload["payment_id"])
        if SlipKind.CANCELLATION in kinds:
            with clock.at(payment.paid_at or at):
                issue(SlipKind.RECEIPT, payment=payment)
                issue(SlipKind.STATEMENT, payment=payment)
        with clock.at(at):
            for kind in kinds:
                issue(kind, payment=payment)


def issue(kind: SlipKind, *, payment: Payment | None = None, line: SettlementLine | None = None) -> Slip:
    """Number a slip and take down its data, inside the caller's transaction; a job draws it.

    The caller holds the lock of the payment or of the batch; asked again, it returns the first slip.
    """
    if (payment is None) == (line is None):
        raise ValueError("a slip is of a payment or of a settlement line")
    if line is not None:
        return issue_for_lines([line])[line.id]
    if payment is None or kind is SlipKind.SETTLEMENT:
        raise ValueError("a statement of settlement is of a line")
    found = for_payments([payment.id]).get(payment.id, {})
    if kind in found:
        return found[kind]
    stamp, code, number = _stamps(kind, payment.programme_id, 1)[0]
    original = found.get(SlipKind.RECEIPT)
    paper = slip_snapshots.of_payment(
        payment,
        stamp,
        cancelled=kind is SlipKind.CANCELLATION,
        original=number_of(original) if original else None,
    )
    slip = Slip(
        programme_id=payment.programme_id,
        kind=kind,
        number=number,
        code=code,
        company_id=payment.company_id,
        supplier_id=payment.supplier_id,
        payment_id=payment.id,
        data=paper.dump(),
        issued_at=clock.now(),
    )
    return _keep([slip])[0]


def issue_for_lines(lines: Sequence[SettlementLine]) -> dict[int, Slip]:
    """The 정산내역서 of the lines of one batch, numbered in one go; those that have one keep it."""
    found = for_lines([line.id for line in lines])
    missing = [line for line in lines if line.id not in found]
    if missing:
        programme_id = missing[0].batch.programme_id
        stamps = _stamps(SlipKind.SETTLEMENT, programme_id, len(missing))
        papers = slip_snapshots.of_lines(missing, [stamp for stamp, _, _ in stamps])
        slips = [
            Slip(
                programme_id=programme_id,
                kind=SlipKind.SETTLEMENT,
                number=number,
                code=code,
                supplier_id=line.supplier_id,
                line_id=line.id,
                data=paper.dump(),
                issued_at=clock.now(),
            )
            for line, paper, (_, code, number) in zip(missing, papers, stamps, strict=True)
        ]
        found |= {line.id: slip for line, slip in zip(missing, _keep(slips), strict=True)}
    return found


def _keep(slips: list[Slip]) -> list[Slip]:
    db.session.add_all(slips)
    db.session.flush()
    for slip in slips:
        record.put(f"slip:{slip.id}", "render_slip", {"slip_id": slip.id})
    return slips


def _stamps(kind: SlipKind, programme_id: int, count: int) -> list[tuple[Stamp, str, int]]:
    """Reserve numbers and make codes.

    The number's row stays locked until the transaction ends: a rollback leaves no gap.
    """
    last = db.session.execute(
        text("""INSERT INTO slip_number (programme_id, kind, last) VALUES (:programme_id, :kind, :count)
                ON CONFLICT (programme_id, kind) DO UPDATE SET last = slip_number.last + :count
                RETURNING last"""),
        {"programme_id": programme_id, "kind": kind.value, "count": count},
    ).scalar_one()
    made = []
    for number in range(last - count + 1, last + 1):
        code = new_code()
        stamp = slip_snapshots.stamp(
            programme_id,
            letter=LETTERS[kind],
            number=number,
            code=_grouped(code),
            url=f"{_settings.base_url}{CHECK_PATH}{code}",
            demonstration=_settings.demonstration,
        )
        made.append((stamp, code, number))
    return made


def render(slip_id: int) -> str:
    """Draw a slip's file and keep it; returns its SHA-256. Run again, it finds the file made (R-DOC-1)."""
    slip = db.session.get(Slip, slip_id)
    if slip is None:
        raise NotFound()
    if slip.sha256 and store.path(slip.sha256).exists():
        return slip.sha256
    content = _DRAW[slip.kind](slip.data)
    sha256 = store.put(content)
    with transaction():
        locked = lock(Slip, slip_id)
        if locked.sha256 not in (None, sha256):
            raise RuntimeError(f"slip {slip_id} was drawn otherwise before")
        locked.sha256, locked.size = sha256, len(content)
    return sha256


def for_download(*, actor: Actor, slip_id: int) -> SlipFile:
    """A slip's file for those whose it is. Raises NotFound, and Conflict while the job has not drawn it."""
    slip = db.session.get(Slip, slip_id)
    if slip is None:
        raise NotFound()
    policy.require_own(actor, slip)
    if slip.sha256 is None:
        raise Conflict("slip.not_ready", "문서를 만들고 있습니다. 잠시 뒤에 다시 열어 주세요.")
    return SlipFile(slip, f"{slip.kind.label}_{number_of(slip)}.pdf", store.read(slip.sha256))


def check(code: str, /) -> Checked | None:
    """Whether a document is genuine: kind, number, day and sum, or None. Public; typed as it is read."""
    plain = re.sub(r"[\s-]", "", code.upper()).translate(_MISREAD)
    if not _CODE.fullmatch(plain):
        return None
    slip = db.session.execute(select(Slip).where(Slip.code == plain)).scalar_one_or_none()
    if slip is None:
        return None
    return Checked(slip.kind, number_of(slip), clock.korean_day(slip.issued_at), int(slip.data["total"]))


def for_payments(payment_ids: Sequence[int]) -> dict[int, dict[SlipKind, Slip]]:
    """The slips of payments, in one query. The caller has checked whose the payments are."""
    found: dict[int, dict[SlipKind, Slip]] = {}
    for slip in db.session.execute(select(Slip).where(Slip.payment_id.in_(payment_ids))).scalars():
        if slip.payment_id is not None:
            found.setdefault(slip.payment_id, {})[slip.kind] = slip
    return found


def for_lines(line_ids: Sequence[int]) -> dict[int, Slip]:
    """The 정산내역서 of settlement lines, in one query. The caller has checked whose the lines are."""
    slips = db.session.execute(select(Slip).where(Slip.line_id.in_(line_ids))).scalars()
    return {slip.line_id: slip for slip in slips if slip.line_id is not None}
