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
from app.documents import book, store
from app.documents.book import EDITION
from app.documents.slip_data import BillingPaper, Party, PaymentPaper, Stamp
from app.errors import Conflict, NotFound
from app.models.payments import Payment, Slip, SlipKind
from app.models.settlements import SettlementBatch, SettlementLine
from app.policy import Actor
from app.workflows import record, slip_snapshots, slips_sql

CHECK_PATH = "/slips/check/"
"""Of the public page; the code follows."""

LETTERS = {
    SlipKind.RECEIPT: "R",
    SlipKind.STATEMENT: "T",
    SlipKind.CANCELLATION: "C",
    SlipKind.SETTLEMENT: "S",
    SlipKind.BILLING: "B",
}
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans("OIL", "011")
_CODE = re.compile(rf"[{_ALPHABET}]{{16}}")


@dataclass
class _Settings:
    base_url: str = ""
    demonstration: bool = True
    payer: Party | None = None


_settings = _Settings()


def configure(*, base_url: str, demonstration: bool, payer: Mapping[str, str]) -> None:
    """Where the public check page lies, whether papers bear the mark 시연용 (R-TIME-7), and who pays the
    suppliers."""
    _settings.base_url = base_url.rstrip("/")
    _settings.demonstration = demonstration
    _settings.payer = Party(**payer)


@dataclass(frozen=True)
class SlipFile:
    slip: Slip
    file_name: str
    content: bytes


@dataclass(frozen=True)
class Checked:
    """All that the public check page tells of a genuine document."""

    issued_on: date
    total: int
    """Won, as it stands on the paper: below zero on a cancellation."""


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


def issue(kind: SlipKind, *, payment: Payment) -> Slip:
    """Number a slip and take down its data, inside the caller's transaction; a job draws it.

    The caller holds the lock of the payment; asked again, it returns the first slip.
    """
    if kind not in (SlipKind.RECEIPT, SlipKind.STATEMENT, SlipKind.CANCELLATION):
        raise ValueError(f"{kind} is not of a payment")
    found = for_payments([payment.id]).get(payment.id, {})
    if kind in found:
        return found[kind]
    original = found.get(SlipKind.RECEIPT)

    def paper(stamp: Stamp) -> PaymentPaper:
        return slip_snapshots.of_payment(
            payment,
            stamp,
            cancelled=kind is SlipKind.CANCELLATION,
            original=number_of(original) if original else None,
        )

    return _keep(
        kind,
        payment.programme_id,
        paper,
        company_id=payment.company_id,
        supplier_id=payment.supplier_id,
        payment_id=payment.id,
    )


def issue_billing(
    *, company_id: int, programme_id: int, content_key: str, paper: Callable[[Stamp], BillingPaper]
) -> tuple[Slip, bool]:
    """The 청구내역서 of this content, and whether it is a new one: the same rows are the same document.

    Inside the caller's transaction, which holds the lock of the company.
    """
    known = db.session.execute(select(Slip).where(Slip.content_key == content_key)).scalar_one_or_none()
    if known is not None:
        return known, False
    of = {"company_id": company_id, "content_key": content_key}
    return _keep(SlipKind.BILLING, programme_id, paper, **of), True


def issue_for_batch(batch_id: int) -> int:
    """Number the 정산내역서 of all lines of a batch and take down their data; returns how many were new.

    Inside the caller's transaction. What they list never leaves the database, however many payments there
    are. The caller holds the lock of the batch; its lines are final. Called again, it adds nothing: lines
    that have one keep it.
    """
    found = db.session.execute(slips_sql.LINES_WITHOUT, {"batch_id": batch_id}).scalars()
    line_ids = list(found)
    if not line_ids:
        return 0
    lines = db.session.execute(
        select(SettlementLine).where(SettlementLine.id.in_(line_ids)).order_by(SettlementLine.id)
    ).scalars().all()  # fmt: skip
    batch = lines[0].batch
    parameters = _stamps_for(batch, len(lines)) | {
        "lines": [line.id for line in lines],
        "banks": [slip_snapshots.BANKS.get(line.bank_code, line.bank_code) for line in lines],
        "accounts": [slip_snapshots.masked_account(line.account_number) for line in lines],
        "batch": batch.number,
        "payer": json.dumps(_settings.payer.dump() if _settings.payer else None),
        "cutoff": clock.write_day(batch.cutoff),
        "approved_on": clock.write_day(clock.korean_day(batch.approved_at or clock.now())),
    }
    return len(db.session.execute(slips_sql.ISSUE_LINES, parameters).all())


def _stamps_for(batch: SettlementBatch, count: int) -> dict[str, Any]:
    """Numbers and codes for so many statements, and what their stamps have in common."""
    programme_id, codes = batch.programme_id, [new_code() for _ in range(count)]
    stamp = slip_snapshots.stamp(
        programme_id, number="", code="", url="", demonstration=_settings.demonstration
    )
    return {
        "codes": codes,
        "shown": [_grouped(code) for code in codes],
        "programme_id": programme_id,
        "first": _reserve(SlipKind.SETTLEMENT, programme_id, count),
        "letter": LETTERS[SlipKind.SETTLEMENT],
        "stamp": json.dumps(stamp.dump()),
        "check": f"{_settings.base_url}{CHECK_PATH}",
        "issued_at": clock.now(),
        "edition": EDITION,
    }


def _keep(
    kind: SlipKind,
    programme_id: int,
    paper: Callable[[Stamp], PaymentPaper | BillingPaper],
    **columns: Any,
) -> Slip:
    number, code = _reserve(kind, programme_id, 1), new_code()
    stamp = slip_snapshots.stamp(
        programme_id,
        number=f"{LETTERS[kind]}-{number:06}",
        code=_grouped(code),
        url=f"{_settings.base_url}{CHECK_PATH}{code}",
        demonstration=_settings.demonstration,
    )
    slip = Slip(
        programme_id=programme_id,
        kind=kind,
        number=number,
        code=code,
        data=paper(stamp).dump(),
        issued_at=clock.now(),
        edition=EDITION,
        **columns,
    )
    db.session.add(slip)
    db.session.flush()
    return slip


def _reserve(kind: SlipKind, programme_id: int, count: int) -> int:
    """The first of so many numbers.

    Their row stays locked until the transaction ends: a rollback leaves no gap.
    """
    last = db.session.execute(
        text("""INSERT INTO slip_number (programme_id, kind, last) VALUES (:programme_id, :kind, :count)
                ON CONFLICT (programme_id, kind) DO UPDATE SET last = slip_number.last + :count
                RETURNING last"""),
        {"programme_id": programme_id, "kind": kind.value, "count": count},
    ).scalar_one()
    return int(last) - count + 1


class DrawnOtherwise(RuntimeError):
    """What is drawn now is not what was kept: of an older edition only a backup has the file."""


def render(slip_id: int) -> str:
    """Draw a slip's file and keep it; returns its SHA-256. Run again, it finds the file made (R-DOC-1).

    A file that was lost is made again to the byte.
    """
    with transaction() as session:
        # Read to its end: no transaction stays open while it is drawn, or while a mail goes out with it.
        slip = session.get(Slip, slip_id)
        if slip is None:
            raise NotFound()
        kind, data, made = slip.kind, slip.data, slip.sha256
    if made and store.path(made).exists():
        return made
    content = book.draw_one(kind, data)
    sha256 = store.put(content)
    with transaction():
        locked = lock(Slip, slip_id)
        if locked.sha256 is None:
            locked.sha256, locked.size, locked.edition = sha256, len(content), EDITION
            locked.leased_until, locked.error = None, None
        elif locked.sha256 != sha256:
            raise DrawnOtherwise(f"slip {slip_id}, of edition {locked.edition}")
    return sha256


def for_download(*, actor: Actor, slip_id: int) -> SlipFile:
    """A slip's file for those whose it is. Raises NotFound, and Conflict while the job has not drawn it."""
    slip = db.session.get(Slip, slip_id)
    if slip is None:
        raise NotFound()
    policy.require_own(actor, slip)
    if slip.sha256 is None:
        raise Conflict("slip.not_ready", "문서를 만들고 있습니다. 잠시 뒤에 다시 열어 주세요.")
    return SlipFile(slip, file_name(slip), content_of(slip, slip.sha256))


def file_name(slip: Slip) -> str:
    return f"{slip.kind.label}_{number_of(slip)}.pdf"


def content_of(slip: Slip, sha256: str) -> bytes:
    """The kept file; drawn again where it was lost."""
    try:
        return store.read(sha256)
    except FileNotFoundError:
        render(slip.id)
        return store.read(sha256)


def check(code: str, /) -> Checked | None:
    """Whether a document is genuine: its day and its sum, or None. Public; typed as it is read."""
    plain = re.sub(r"[\s-]", "", code.upper()).translate(_MISREAD)
    if not _CODE.fullmatch(plain):
        return None
    slip = db.session.execute(select(Slip).where(Slip.code == plain)).scalar_one_or_none()
    if slip is None:
        return None
    sign = -1 if slip.kind is SlipKind.CANCELLATION else 1
    return Checked(clock.korean_day(slip.issued_at), sign * int(slip.data["total"]))


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
