"""What stands against the close of a month, and what to look at before (R-SET-3a)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select, text

from app import clock
from app.db import db
from app.models.ledger import Journal
from app.models.months import AccountingMonth
from app.models.people import Account


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of the checklist. What is not done either stops the close or is only pointed out."""

    name: str
    done: bool
    text: str
    stops: bool = False
    link: str | None = None
    left: str = ""
    """How many of what are left: `결제 3건`."""


@dataclass(frozen=True)
class _Counted:
    """`query` counts what is left; `{count}` and `{month}` in the sentences are filled in."""

    name: str
    unit: str
    """What is counted."""
    query: str
    left: str
    link: str
    none: str = "없습니다."
    stops: bool = True


# The daily files without which nobody knows of the month's differences (R-SET-3). What is not in the file of
# its day may be in that of the day after, and counts as missing only when that one was matched too: so the
# first day of the next month belongs to them. Days without a payment of the programme need none.
_DAYS = """
SELECT d.system, n.day
  FROM (SELECT CASE p.instrument_kind WHEN 'zeropay' THEN 'zeropay' ELSE 'card' END AS system,
               CAST(e.at AT TIME ZONE 'Asia/Seoul' AS date) AS day
          FROM payment p
         CROSS JOIN LATERAL (VALUES (p.paid_at, p.state IN ('paid', 'cancelling', 'cancelled')),
                                    (p.cancelled_at, p.state = 'cancelled')) e (at, happened)
         WHERE p.programme_id = :programme_id AND e.happened AND e.at >= :starts AND e.at < :ends) d
 CROSS JOIN LATERAL (VALUES (d.day), (d.day + 1)) n (day)
 GROUP BY 1, 2
"""

# Payments that are owed and not paid out: what is held and what lacks its invoice are counted alike, so that
# the two can be compared. A payment held twice, or by a hold of a later month, is one payment of this one.
_OF_THE_MONTH = """payment p
  WHERE p.programme_id = :programme_id AND p.state = 'paid' AND p.paid_at < :ends
    AND NOT EXISTS (SELECT 1 FROM settlement_item i JOIN settlement_line l ON l.id = i.line_id
                     WHERE i.payment_id = p.id AND l.state = 'paid'
                       AND NOT EXISTS (SELECT 1 FROM settlement_withheld w
                                        WHERE w.payment_id = p.id AND w.line_id = l.id))"""

# What belongs to the month or before it: an older one is in the way just as much.
_COUNTED = (
    _Counted(
        "미확정 결제",
        "결제",
        """SELECT count(*) FROM payment p WHERE p.programme_id = :programme_id AND p.state = 'pending'
              AND p.pressed_at < :ends""",
        "결과를 모르는 결제 {count:,}건이 있습니다. 확정된 뒤에 마감해 주세요.",
        "/console/unknown/",
    ),
    _Counted(
        "취소 중인 결제",
        "결제",
        """SELECT count(*) FROM payment p WHERE p.programme_id = :programme_id AND p.state = 'cancelling'
              AND p.cancel_pressed_at < :ends""",
        "취소 결과를 모르는 결제 {count:,}건이 있습니다. 확정된 뒤에 마감해 주세요.",
        "/console/unknown/",
    ),
    _Counted(
        "승인 전 정산",
        "정산",
        """SELECT count(*) FROM settlement_batch b WHERE b.programme_id = :programme_id
              AND b.state IN ('drafted', 'submitted') AND b.drafted_at < :ends""",
        "이 달까지 작성하고 승인하지 않은 정산 {count:,}건이 있습니다. 승인하거나 폐기해 주세요.",
        "/console/settlement/",
    ),
    _Counted(
        "일별 명세",
        "명세",
        f"""SELECT count(*) FROM ({_DAYS}) d
             WHERE NOT EXISTS (SELECT 1 FROM statement_file f WHERE f.system = d.system AND f.day = d.day)""",  # noqa: S608
        "결제·취소한 날과 그다음 날의 일별 명세 {count:,}건을 받지 않아 차이를 알 수 없습니다. "
        "명세를 받은 뒤에 마감해 주세요.",
        "/console/statements/?month={month:%Y-%m}",
        none="모두 받았습니다.",
    ),
    _Counted(
        "명세 대조",
        "명세",
        f"""SELECT count(*) FROM ({_DAYS}) d JOIN statement_file f ON f.system = d.system AND f.day = d.day
             WHERE f.state <> 'matched'""",  # noqa: S608
        "받은 일별 명세 {count:,}건을 아직 대조하지 않았습니다. 대조가 끝난 뒤에 마감해 주세요.",
        "/console/statements/?month={month:%Y-%m}",
    ),
    _Counted(
        "대사 차이",
        "차이",
        """SELECT count(*) FROM recon_item r LEFT JOIN payment p ON p.id = r.payment_id
            WHERE r.state <> 'closed' AND r.day < CAST(:next AS date)
              AND coalesce(p.programme_id, :programme_id) = :programme_id""",
        "이 달까지의 대사 차이 {count:,}건이 닫히지 않았습니다.",
        "/console/reconciliation/",
    ),
    _Counted(
        "이체 결과",
        "이체",
        """SELECT count(*) FROM settlement_line l JOIN settlement_batch b ON b.id = l.batch_id
            WHERE b.programme_id = :programme_id AND b.state IN ('approved', 'exported')
              AND l.state = 'planned' AND b.approved_at < :ends""",
        "은행의 결과를 받지 못한 이체 {count:,}건이 ‘이체 중’으로 남습니다.",
        "/console/settlement/",
        stops=False,
    ),
    _Counted(
        "세금계산서",
        "결제",
        f"""SELECT count(*) FROM {_OF_THE_MONTH} AND p.instrument_kind = 'zeropay'
              AND NOT EXISTS (SELECT 1 FROM tax_invoice t WHERE t.payment_id = p.id
                                 AND t.modify_code IS NULL AND t.state IN ('matched', 'accepted'))""",  # noqa: S608
        "세금계산서를 확인하지 못한 제로페이 결제 {count:,}건은 정산되지 않고 넘어갑니다.",
        "/console/invoices/",
        stops=False,
    ),
    _Counted(
        "지급 보류",
        "결제",
        f"""SELECT count(*) FROM {_OF_THE_MONTH} AND EXISTS (
              SELECT 1 FROM settlement_hold h WHERE h.payment_id = p.id AND h.released_at IS NULL)""",  # noqa: S608
        "지급을 보류한 결제 {count:,}건은 정산되지 않고 넘어갑니다.",
        "/console/holds/",
        stops=False,
    ),
)


def of(programme_id: int, month: date, last_closed: date | None) -> list[Check]:
    """The checklist of a month that is open; all counts in one query."""
    return [_over(month), _in_turn(programme_id, month, last_closed), *_counted(programme_id, month)]


def _over(month: date) -> Check:
    # An entry is dated by the programme's clock, and the database watches over the month by the real one.
    over = clock.start_of(clock.add_months(month, 1)) <= min(clock.now(), clock.real_now())
    text_ = "끝난 달입니다." if over else f"{month.month}월이 아직 끝나지 않았습니다."
    return Check(name="달의 끝", done=over, text=text_, stops=not over)


def _in_turn(programme_id: int, month: date, last_closed: date | None) -> Check:
    first = db.session.scalar(select(func.min(Journal.at)).where(Journal.programme_id == programme_id))
    wanted = (
        clock.add_months(last_closed, 1) if last_closed else first and clock.korean_day(first).replace(day=1)
    )
    done = wanted is not None and month <= wanted
    text_ = "앞의 달이 모두 마감되었습니다."
    if wanted is None:
        text_ = "기입이 없어 마감할 것이 없습니다."
    elif not done:
        text_ = f"앞의 달({wanted.year}년 {wanted.month}월)을 먼저 마감해 주세요."
    return Check(name="마감 순서", done=done, text=text_, stops=not done)


def _counted(programme_id: int, month: date) -> list[Check]:
    ends = clock.start_of(clock.add_months(month, 1))
    about: dict[str, Any] = {
        "programme_id": programme_id,
        "starts": clock.start_of(month),
        "ends": ends,
        "next": clock.add_months(month, 1),
    }
    columns = ", ".join(f"({each.query}) AS c{n}" for n, each in enumerate(_COUNTED))
    row = db.session.execute(text(f"SELECT {columns}"), about).one()
    return [
        Check(
            name=each.name,
            done=not count,
            text=each.left.format(count=count) if count else each.none,
            stops=each.stops and bool(count),
            link=each.link.format(month=month) if count else None,
            left=f"{each.unit} {count:,}건" if count else "",
        )
        for each, count in zip(_COUNTED, row, strict=True)
    ]


def names_of(month: AccountingMonth | None) -> dict[int, str]:
    """Of those who closed it, asked to open it and agreed."""
    if month is None:
        return {}
    people = {month.closed_by_id, month.asked_by_id, month.reopened_by_id} - {None}
    rows = db.session.execute(select(Account.id, Account.name).where(Account.id.in_(people)))
    return {key: name for key, name in rows}
