"""The daily files of the card company and ZeroPay: fetched each morning or uploaded, taken once (R-SET-3)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import and_, delete, exists, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert

from app import clock, gateways
from app.db import db, transaction
from app.documents import sniff, statement_files, store
from app.documents.bank_files import FileRefused
from app.documents.statement_files import Line, Statement
from app.errors import Conflict, Denied, InvalidInput
from app.gateways.errors import GatewayError
from app.gateways.payments import PaymentGateway
from app.models.payments import Payment
from app.models.programme import Programme
from app.models.statements import StatementFetch, StatementFile, StatementState, StatementSystem
from app.models.vouchers import InstrumentKind
from app.policy import CLOCK, Actor, Permission
from app.workflows import lifecycle, record
from app.workflows.lifecycle import Edge, Lifecycle

log = logging.getLogger(__name__)

READY_AT = time(7)
"""From then on the file of the day before is asked for."""
LOOK_BACK = 14
"""How many days are asked for where no file is here yet."""
REACH = 62
"""How many days back at most: by then a month's close has asked for its files; older ones are uploaded."""
MOST_AT_ONCE = 31
AGAIN_AFTER, LATER_AFTER = timedelta(hours=1), timedelta(days=1)
OFTEN = 24
"""So often a file that does not come is asked for by the hour; from then on once a day."""
MOST_BYTES = 40 * 1024 * 1024
LINES_AT_ONCE = 5_000
MOST_COPIES = 32_767

STATEMENT = Lifecycle(
    "statement_file",
    StatementFile,
    (StatementState.TAKEN,),
    (
        Edge(
            action="match",
            label="대조",
            source=StatementState.TAKEN,
            target=StatementState.MATCHED,
            permission=Permission.CLOCKWORK,
        ),
    ),
)

_KEEP = text("""
INSERT INTO statement_line (file_id, "row", copy, is_cancel, approval_number, amount, day, at, card,
                            order_id, fee, deposit_on, deposit)
SELECT :file_id, l.*
  FROM unnest(CAST(:row AS integer[]), CAST(:copy AS smallint[]), CAST(:is_cancel AS boolean[]),
              CAST(:approval_number AS text[]),
              CAST(:amount AS bigint[]), CAST(:day AS date[]), CAST(:at AS timestamptz[]),
              CAST(:card AS text[]), CAST(:order_id AS text[]), CAST(:fee AS bigint[]),
              CAST(:deposit_on AS date[]), CAST(:deposit AS bigint[])) AS l
""")


def exclusive() -> None:
    """One at a time takes files, matches, or matches by hand: nothing is taken or matched twice."""
    db.session.execute(text("SELECT pg_advisory_xact_lock(hashtext('reconciliation'))"))


def take(*, actor: Actor, content: bytes, file_name: str) -> StatementFile:
    """Take a daily file with its lines, once; the job then matches it. Bad rows are kept with their reason.

    Raises Denied, InvalidInput `statement.<what>` (size, empty, header, encoding, form, titles, trailer,
    count, total, not_over, before), Conflict `statement.taken` for the same file, `statement.day_taken` for
    another of its day.
    """
    if not (actor.may(Permission.RECONCILE_WORK) or actor.may(Permission.CLOCKWORK)):
        raise Denied()
    found = _read(content)
    _refuse_day(found)
    sha256 = store.put(content)
    with transaction() as session:
        exclusive()
        _refuse_twice(found, sha256)
        file = StatementFile(
            system=found.system,
            day=found.day,
            state=StatementState.TAKEN,
            file_name=sniff.safe_name(file_name),
            sha256=sha256,
            rows=found.rows,
            charged=found.sum_of(is_cancel=False),
            cancelled=found.sum_of(is_cancel=True),
            fee=found.fee,
            errors=[asdict(row) for row in found.bad],
            taken_by_id=actor.id,
            taken_at=clock.now(),
        )
        lifecycle.begin(STATEMENT, file, actor=actor, action="take")
        _keep_lines(file.id, found.lines)
        session.execute(
            delete(StatementFetch).where(
                StatementFetch.system == found.system, StatementFetch.day == found.day
            )
        )
        record.put(f"statement_file:{file.id}:match", "match_statement", {"file_id": file.id})
        return file


def _read(content: bytes) -> Statement:
    try:
        if len(content) > MOST_BYTES:
            raise FileRefused(
                "size", "등록 가능한 파일 용량을 초과하였습니다. 40MB 이하의 파일을 올려 주세요."
            )
        return statement_files.read(content)
    except FileRefused as refused:
        raise InvalidInput(
            f"statement.{refused.code}", refused.text, fields={"file": refused.text}
        ) from refused


def _refuse_day(found: Statement) -> None:
    """A day that is not over has more to come, and no file can be taken for it again; one from before the
    programme has nothing of ours."""
    name = f"{found.system.label} {clock.write_day(found.day)} 명세"
    if found.day >= clock.today():
        code = "not_over"
        text = (
            f"{name}: 아직 끝나지 않은 날의 파일입니다. 파일의 거래 기준일을 확인하고, 그날이 지난 뒤에 "
            "마감된 명세를 받아 올려 주세요."
        )
    elif (first := _first_day()) is not None and found.day < first:
        code = "before"
        text = (
            f"{name}: 사업을 시작한 {clock.write_day(first)}보다 앞선 날의 파일입니다. 파일의 거래 기준일을 "
            "확인하고 사업 기간의 명세를 올려 주세요."
        )
    else:
        return
    raise InvalidInput(f"statement.{code}", text, fields={"file": text})


# One whose outcome is unknown has no day of its own yet.
_FIRST_PAYMENT = func.least(func.min(Payment.pressed_at), func.min(Payment.paid_at))


def _first_day() -> date | None:
    """Of the first programme's year, or of the first payment."""
    with transaction() as session:
        year = session.scalar(select(func.min(Programme.year)))
        paid = session.scalar(select(_FIRST_PAYMENT))
    begins = [date(year, 1, 1)] if year else []
    return min([*begins, *([clock.korean_day(paid)] if paid else [])], default=None)


def _refuse_twice(found: Statement, sha256: str) -> None:
    earlier = db.session.scalars(
        select(StatementFile).where(
            (StatementFile.sha256 == sha256)
            | ((StatementFile.system == found.system) & (StatementFile.day == found.day))
        )
    ).first()
    if earlier is None:
        return
    when = f"{earlier.taken_at:%Y.%m.%d. %H:%M}"
    name = f"{found.system.label} {clock.write_day(found.day)} 명세"
    if earlier.sha256 == sha256:
        raise Conflict(
            "statement.taken", f"{name}는 {when}에 이미 받은 파일입니다. 같은 파일은 한 번만 반영합니다."
        )
    raise Conflict(
        "statement.day_taken",
        f"{name}는 {when}에 다른 파일로 이미 받았습니다. 내용이 다르면 결제 기관에 정정분이 실리는 날의 "
        "명세를 확인해 주세요. 나중 명세에 실린 정정은 저절로 대조됩니다.",
    )


def _keep_lines(file_id: int, lines: Sequence[Line]) -> None:
    """In chunks, each by one statement: a large day is no other than a small one."""
    seen: Counter[tuple[str, int, bool]] = Counter()
    for start in range(0, len(lines), LINES_AT_ONCE):
        chunk = lines[start : start + LINES_AT_ONCE]
        columns: dict[str, list[Any]] = {
            name: [getattr(line, name) for line in chunk] for name in Line.__slots__
        }
        alike = [(line.approval_number, line.amount, line.is_cancel) for line in chunk]
        copies = [_count_up(seen, key) for key in alike]
        days = [clock.korean_day(line.at) for line in chunk]
        db.session.execute(_KEEP, {"file_id": file_id, "day": days, "copy": copies, **columns})


def _count_up(seen: Counter[tuple[str, int, bool]], key: tuple[str, int, bool]) -> int:
    """How often it was there before; a file that repeats one line without end is no reason to fail."""
    seen[key] += 1
    return min(seen[key] - 1, MOST_COPIES)


def unmatched() -> list[int]:
    """The files that wait to be matched, by day."""
    query = select(StatementFile.id).where(StatementFile.state == StatementState.TAKEN)
    return list(db.session.scalars(query.order_by(StatementFile.day, StatementFile.id)))


# -- fetching ------------------------------------------------------------------------------------------------


def gateway_of(system: StatementSystem) -> PaymentGateway:
    found = gateways.get()
    return found.card if system is StatementSystem.CARD else found.zeropay


def fetch_due() -> int:
    """Fetch every day's file that is due and not here yet; returns how many came. May run at any time, twice.

    A system out of reach is left alone until the next run; what could not be taken says so on the day board.
    """
    came = 0
    for system in StatementSystem:
        for day in missing(system):
            try:
                came += fetch(system=system, day=day)
            except GatewayError as error:
                log.warning("no daily file", extra={"system": system.value, "why": type(error).__name__})
                _failed(system, day, "결제 기관에 연결하지 못했습니다. 한 시간 뒤에 다시 받습니다.")
                break
    return came


def missing(system: StatementSystem) -> list[date]:
    """The days whose file is due: until yesterday, or the day before in the small hours; newest first.

    A day without transactions has a file too, which is taken as any other. No transaction stays open behind
    it, while a gateway answers.
    """
    last = clock.today() - timedelta(days=1 if clock.now().time() >= READY_AT else 2)
    with transaction() as session:
        first = _due_since(system, last)
        here = select(StatementFile.day).where(StatementFile.system == system, StatementFile.day >= first)
        tried = select(StatementFetch.day).where(
            StatementFetch.system == system,
            or_(
                StatementFetch.tried_at > clock.now() - AGAIN_AFTER,
                and_(StatementFetch.tries >= OFTEN, StatementFetch.tried_at > clock.now() - LATER_AFTER),
            ),
        )
        left_out = {*session.scalars(here), *session.scalars(tried)}
    days = (last - timedelta(days=n) for n in range((last - first).days + 1))
    return list(islice((day for day in days if day not in left_out), MOST_AT_ONCE))


def _due_since(system: StatementSystem, last: date) -> date:
    """The last days, and those since the first file; none before the first payment there (R-SET-3)."""
    lately, reach = (last - timedelta(days=days - 1) for days in (LOOK_BACK, REACH))
    zeropay = Payment.instrument_kind == InstrumentKind.ZEROPAY
    of_system = zeropay if system is StatementSystem.ZEROPAY else ~zeropay
    file = db.session.scalar(select(func.min(StatementFile.day)).where(StatementFile.system == system))
    since = max(min(file or lately, lately), reach)
    start = clock.start_of(since)
    # The first row of a long history answers; without one there is little to go through.
    before = or_(Payment.pressed_at < start, Payment.paid_at < start)
    if db.session.scalar(select(exists().where(of_system, before))):
        return since
    paid = db.session.scalar(select(_FIRST_PAYMENT).where(of_system))
    return max(since, clock.korean_day(paid)) if paid else lately


def fetch(*, system: StatementSystem, day: date) -> bool:
    """Ask for one day's file and take it; False where none can be taken. Raises GatewayError."""
    content = gateway_of(system).statement(day=day)
    if content is None:
        _failed(system, day, "아직 명세가 올라오지 않았습니다. 올라올 때까지 다시 받습니다.")
        return False
    try:
        found = _read(content)
        _refuse_day(found)
    except InvalidInput as refusal:
        _failed(system, day, refusal.text)
        return False
    if (found.system, found.day) != (system, day):
        _failed(system, day, f"{found.system.label} {clock.write_day(found.day)}의 파일이 왔습니다.")
        return False
    try:
        take(actor=CLOCK, content=content, file_name=f"{system.value}_{day:%Y%m%d}.csv")
    except Conflict as refusal:
        # Uploaded by hand in between: the same day is taken once.
        log.info("daily file not taken", extra={"system": system.value, "code": refusal.code})
        return False
    return True


def _failed(system: StatementSystem, day: date, error: str) -> None:
    """A note for the day board, beside the trail: it changes no record."""
    at: datetime = clock.now()
    new = insert(StatementFetch).values(system=system, day=day, tries=1, error=error, tried_at=at)
    again = {"tries": StatementFetch.tries + 1, "error": error, "tried_at": at}
    with transaction() as session:
        session.execute(new.on_conflict_do_update(index_elements=["system", "day"], set_=again))
