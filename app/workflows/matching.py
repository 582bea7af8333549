"""A daily file is matched with our payments, and what differs becomes a queue to clear (R-SET-3).

Set-based throughout: what does not differ never leaves the database. Our payments of a day count as missing
when the file of the day after was matched too; a later file may settle what an earlier one left open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult

from app import clock
from app.db import db, lock, transaction
from app.models.statements import ItemState, StatementFile, StatementState, StatementSystem
from app.policy import CLOCK
from app.workflows import lifecycle, matching_sql, record
from app.workflows.recon_lifecycle import ITEM
from app.workflows.statements import STATEMENT, exclusive

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Matched:
    """What the matching of one file did."""

    lines: int
    """Of this file, that found a payment of ours."""
    offset: int
    """Lines that account for each other: charged and given back."""
    opened: int
    settled: int


def match(*, file_id: int) -> Matched:
    """Match a file that was taken. One that is matched stays as it is. Raises NotFound."""
    with transaction():
        exclusive()
        db.session.execute(matching_sql.ROOM)
        file = lock(StatementFile, file_id)
        if file.state is StatementState.MATCHED:
            return Matched(file.matched, 0, 0, 0)
        matched = _pair_lines(file)
        offset, opened = _sort_rest(file.system, file.id)
        opened += _open_ours(file)
        lifecycle.fire(
            STATEMENT,
            file_id,
            "match",
            actor=CLOCK,
            changes={"matched": matched, "matched_at": clock.now()},
        )
        return Matched(matched, offset, opened, _settle(file.system, file.id))


def look_again(*, system: StatementSystem) -> int:
    """Settle what is accounted for since the last file: a payment whose outcome became known meanwhile."""
    with transaction():
        exclusive()
        db.session.execute(matching_sql.FORGET)
        _sort_rest(system, None)
        return _settle(system, None)


def _pair_lines(file: StatementFile) -> int:
    db.session.execute(matching_sql.FORGET)
    days = db.session.execute(matching_sql.DAYS, {"file_id": file.id, "day": file.day}).one()
    near = _ours(file.system, days.first - DAY, days.last + DAY)
    db.session.execute(matching_sql.PAIR, {"file_id": file.id, **near})
    return _count(matching_sql.MATCH)


def _sort_rest(system: StatementSystem, file_id: int | None) -> tuple[int, int]:
    """What became of the lines that found nothing: offset among themselves, opened as differences."""
    _by_keys(matching_sql.REST, system=system.value)
    if file_id is not None:
        db.session.execute(matching_sql.REST_NEW)
    db.session.execute(matching_sql.ANALYZE_REST)
    db.session.execute(matching_sql.ABOUT, {"is_zeropay": system is StatementSystem.ZEROPAY})
    if _count(matching_sql.MATCH_REST):
        db.session.execute(matching_sql.DROP_MATCHED)
    db.session.execute(matching_sql.NEAR)
    if offset := _count(matching_sql.OFFSET):
        db.session.execute(matching_sql.DROP_MATCHED)
    return offset, _open(matching_sql.OPEN_THEIRS, system, file_id) if file_id is not None else 0


def _open_ours(file: StatementFile) -> int:
    """Ours of the days whose file and whose next day's file are both matched, with this one.

    Of earlier days only what became known since: an outcome that is learnt after weeks lies that far back
    (R-PAY-4). So a file costs what is new in it, however long the history is.
    """
    ours = {"is_zeropay": file.system is StatementSystem.ZEROPAY}
    db.session.execute(matching_sql.WAIT, ours)
    known = list(db.session.scalars(matching_sql.KNOWN, ours))
    ready = {"day": file.day, "system": file.system.value, "file_id": file.id}
    opened = sum(
        _open(matching_sql.OPEN_OURS, file.system, file.id, **_ours(file.system, first, last))
        for first, last in _runs(list(db.session.scalars(matching_sql.READY, ready)))
    )
    if known:
        opened += _open(matching_sql.OPEN_KNOWN, file.system, file.id, ids=known, **ours)
    return opened


def _runs(days: list[date]) -> list[tuple[date, date]]:
    """First and last of days in a row."""
    runs: list[tuple[date, date]] = []
    for day in days:
        if runs and runs[-1][1] + DAY == day:
            runs[-1] = runs[-1][0], day
        else:
            runs.append((day, day))
    return runs


def _open(rows: str, system: StatementSystem, file_id: int, **more: Any) -> int:
    return record.write_set(
        record.appending(rows),
        ITEM.entity,
        "begin",
        actor=CLOCK,
        system=system.value,
        file_id=file_id,
        now=clock.now(),
        **more,
    )


def _settle(system: StatementSystem, file_id: int | None) -> int:
    """Close what is accounted for, naming the file that did it: by default the one that had shown it."""
    found: dict[tuple[int, str], list[int]] = {}
    for row in _by_keys(matching_sql.EXPLAINED, system=system.value).all():
        found.setdefault((file_id or row.opened_by_file_id, row.state), []).append(row.id)
    for (by_file_id, state), ids in found.items():
        _settle_by(by_file_id, ItemState(state), ids)
    return sum(map(len, found.values()))


def _settle_by(file_id: int, source: ItemState, ids: list[int]) -> None:
    file = db.session.get_one(StatementFile, file_id)
    note = f"{file.system.label} {clock.write_day(file.day)} 명세까지 대조해 양쪽이 맞는 것을 확인했습니다."
    changes = {"closed_at": clock.now(), "settled_by_file_id": file_id, "note": note}
    moved = lifecycle.fire_many(ITEM, ids, "settle", actor=CLOCK, source=source, changes=changes)
    about = {"note": note, "by_name": CLOCK.name, "now": clock.now(), "ids": moved}
    db.session.execute(matching_sql.NOTE_SETTLED, about)


def _ours(system: StatementSystem, first: date, last: date) -> dict[str, Any]:
    """Our side of these days."""
    return {
        "is_zeropay": system is StatementSystem.ZEROPAY,
        "since": clock.start_of(first),
        "until": clock.end_of(last),
    }


def _by_keys(statement: Any, **parameters: Any) -> Any:
    db.session.execute(matching_sql.BY_KEYS)
    found = db.session.execute(statement, parameters)
    db.session.execute(matching_sql.AS_PLANNED)
    return found


def _count(statement: Any, **parameters: Any) -> int:
    return cast(CursorResult[Any], db.session.execute(statement, parameters)).rowcount
