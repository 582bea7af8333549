"""The daily files of the last days, and the differences that they brought (R-SET-3)."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import count

from sqlalchemy import text

from app import clock
from app.db import db
from app.demo.stage import CARD_NUMBER, Stage, instant
from app.models.statements import Bucket, StatementSystem
from app.workflows import matching, recon_asking, recon_items, recon_reads, statements
from app.workflows.recon_reads import Row, Wanted

FIRST = date(2020, 10, 12)
"""From then on there is a file of each day; before, of those without which no month can be closed."""
BEGUN = date(2020, 11, 14)
"""The morning on which the files began to come, with all those since then."""
FAULTS = ("90", "91", "92", "99", "96", "95")
"""What the played card company gets wrong, by its test numbers (docs/sandbox.md), in turn."""
EVERY = 2
"""Of the card payments of those days, so many-th is one that the files list wrongly."""
REPLY = b"%PDF-1.4\n% demonstration: the card company's reply\n%%EOF\n"


_EARLIER = text("""
SELECT DISTINCT n.day FROM payment p
 CROSS JOIN LATERAL (VALUES (p.paid_at), (p.cancelled_at)) e (at)
 CROSS JOIN generate_series(0, 1) k
 CROSS JOIN LATERAL (SELECT CAST(e.at AT TIME ZONE 'Asia/Seoul' AS date) + k) n (day)
 WHERE n.day < :first ORDER BY n.day
""")
_paid = count(1)


def card_of(day: date) -> str:
    """With which card a company pays: an ordinary one, or one that the daily files list wrongly."""
    if day < FIRST or (turn := next(_paid)) % EVERY:
        return CARD_NUMBER
    stem = f"999900{FAULTS[turn // EVERY % len(FAULTS)]}0000000"
    return next(f"{stem}{last}" for last in range(10) if _is_valid(f"{stem}{last}"))


def _is_valid(number: str) -> bool:
    """By its check digit (Luhn)."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def reconcile(stage: Stage, *, until: date) -> None:
    """Each morning at seven the files of the day before; then a first look at what differs."""
    earlier = list(db.session.scalars(_EARLIER, {"first": FIRST}))
    for day in [*earlier, *(FIRST + timedelta(days=n) for n in range((until - FIRST).days))]:
        with clock.at(instant(max(BEGUN, day + timedelta(days=1)), 7)):
            for system in StatementSystem:
                _fetch(system, day)
    with clock.at(instant(until, 8, 30)):
        rows = recon_reads.listing(actor=stage.staff["finance1"], wanted=Wanted(), size=100)
        if rows:
            _work(stage, rows)
    stage.counts["대사 차이"] = len(rows)


def _fetch(system: StatementSystem, day: date) -> None:
    if statements.fetch(system=system, day=day):
        for file_id in statements.unmatched():
            matching.match(file_id=file_id)


def _work(stage: Stage, rows: list[Row]) -> None:
    """One with an owner, one asked about, one closed with evidence, one that waits for a second person."""
    one, two = stage.staff["finance1"], stage.staff["finance2"]
    recon_items.assign(actor=one, item_ids=[row.id for row in rows[::2]], owner_id=one.id or 0)
    note = "카드사에 승인 내역을 요청하고 받은 회신"
    recon_items.add_evidence(
        actor=one, item_id=rows[0].id, file_name="승인 내역.pdf", content=REPLY, note=note
    )
    by_bucket = {row.item.bucket: row.id for row in reversed(rows)}
    if (key := by_bucket.get(Bucket.ONLY_OURS)) is not None:
        note = "명세에 없어 카드사에 승인 여부를 조회합니다."
        recon_asking.ask_gateway(actor=one, item_id=key, note=note)
    if (key := by_bucket.get(Bucket.AMOUNT)) is not None:
        note = "카드사 회신: 명세 오기, 실제 승인은 우리 금액과 같음"
        recon_items.add_evidence(
            actor=two, item_id=key, file_name="카드사 회신.pdf", content=REPLY, note=note
        )
        recon_items.close(actor=two, item_id=key, reason=note)
    if (key := by_bucket.get(Bucket.DOUBLED)) is not None:
        recon_items.propose(actor=two, item_id=key, reason="같은 승인이 두 번 실린 것을 전화로 확인했습니다.")
