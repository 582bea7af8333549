"""The banks' column maps: those that are shipped, changed and added to by the agency (R-SET-2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, text

from app import clock, policy
from app.db import db, lock, transaction
from app.documents import bank_maps
from app.documents.bank_files import Transfer
from app.documents.bank_maps import COMMON, PRESETS, Layout
from app.errors import Conflict, InvalidInput, NotFound
from app.models.bank_formats import BankFormat
from app.policy import Actor, Permission
from app.workflows import record

ENTITY = "bank_format"
SAMPLE_BATCH = "S2020-0001"
SAMPLE_DAY = date(2020, 11, 3)
SAMPLES = (
    Transfer(1, "088", "110-123-456789", 3_267_000, "㈜한빛소프트", "신한은행"),
    Transfer(2, "004", "00412304567890", 1_089_000, "바른솔루션(주)", "국민은행"),
    Transfer(3, "090", "3333012345678", 495_000, "김가온", "카카오뱅크"),
)
"""Made-up transfers, by which the editor shows what a map makes of them."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """A map with what the console says of it."""

    code: str
    layout: Layout
    is_open: bool = True
    id: int | None = None
    changed_at: datetime | None = None

    @property
    def name(self) -> str:
        return self.layout.name

    @property
    def shipped(self) -> bool:
        """As it came, unchanged."""
        return self.id is None


def everything(*, actor: Actor) -> list[Format]:
    """The shipped ones first, as they are now, then the agency's own. Raises Denied."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    return list(_all().values())


def to_choose(*, actor: Actor) -> list[tuple[str, str]]:
    """(code, name) of those in use, for whoever exports a file."""
    return [(each.code, each.name) for each in everything(actor=actor) if each.is_open]


def get(*, actor: Actor, code: str) -> Format:
    """Raises Denied, NotFound."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    return found(code)


def found(code: str) -> Format:
    """Raises NotFound."""
    formats = _all()
    if code not in formats:
        raise NotFound()
    return formats[code]


def _all() -> dict[str, Format]:
    kept = {row.code: row for row in db.session.scalars(select(BankFormat).order_by(BankFormat.id))}
    shipped = {code: Format(code=code, layout=layout) for code, layout in PRESETS.items()}
    return shipped | {code: _format(row) for code, row in kept.items()}


def _format(row: BankFormat) -> Format:
    return Format(
        code=row.code,
        layout=bank_maps.load(row.layout),
        is_open=row.is_open,
        id=row.id,
        changed_at=row.changed_at,
    )


def change(*, actor: Actor, code: str, layout: Layout) -> Format:
    """What is exported from now on; files that were made keep their own map. The same again changes nothing.

    Raises Denied, NotFound, InvalidInput `bank_format.layout`.
    """
    policy.require(actor, Permission.BANK_FORMAT)
    with transaction() as session:
        _one_at_a_time()
        was = found(code)
        _check(layout, code)
        if was.layout == layout:
            return was
        row = _row(was)
        row.name, row.layout, row.changed_at = layout.name, layout.dump(), clock.now()
        session.flush()
        record.write(ENTITY, row.id, "edit", actor=actor, change=_difference(was.layout, layout))
        return _format(row)


def add(*, actor: Actor, like: str, name: str) -> Format:
    """A map of the agency's own, begun as a copy. Raises Denied, NotFound, InvalidInput."""
    policy.require(actor, Permission.BANK_FORMAT)
    with transaction() as session:
        _one_at_a_time()
        layout = replace(found(like).layout, name=" ".join(name.split()))
        code = f"own-{(session.scalar(select(func.max(BankFormat.id))) or 0) + 1}"
        _check(layout, code)
        row = BankFormat(code=code, name=layout.name, layout=layout.dump(), changed_at=clock.now())
        session.add(row)
        session.flush()
        record.write(ENTITY, row.id, "create", actor=actor, change={"name": (None, layout.name)})
        return _format(row)


def set_open(*, actor: Actor, code: str, is_open: bool) -> Format:
    """Whether it is offered at the export. Raises Denied, NotFound, Conflict `bank_format.common`."""
    policy.require(actor, Permission.BANK_FORMAT)
    with transaction() as session:
        _one_at_a_time()
        was = found(code)
        if code == COMMON and not is_open:
            raise Conflict("bank_format.common", "공통 양식은 늘 쓸 수 있어야 하므로 닫을 수 없습니다.")
        if was.is_open == is_open:
            return was
        row = _row(was)
        row.is_open, row.changed_at = is_open, clock.now()
        session.flush()
        record.write(
            ENTITY,
            row.id,
            "open" if is_open else "close",
            actor=actor,
            change={"is_open": (was.is_open, is_open)},
        )
        return _format(row)


def _one_at_a_time() -> None:
    db.session.execute(text("SELECT pg_advisory_xact_lock(hashtext('bank format'))"))


def _row(was: Format) -> BankFormat:
    """Of a shipped one the row begins with the first change."""
    if was.id is not None:
        return lock(BankFormat, was.id)
    row = BankFormat(code=was.code, name=was.name, layout=was.layout.dump(), changed_at=clock.now())
    db.session.add(row)
    db.session.flush()
    return row


def _check(layout: Layout, code: str) -> None:
    wrong = bank_maps.faults(layout)
    if any(each.name == layout.name for other, each in _all().items() if other != code):
        wrong.setdefault("name", "같은 이름의 양식이 있습니다. 다른 이름을 입력해 주세요.")
    if wrong:
        raise InvalidInput("bank_format.layout", next(iter(wrong.values())), fields=wrong)


def _difference(before: Layout, after: Layout) -> Mapping[str, tuple[Any, Any]]:
    old, new = _words(before), _words(after)
    return {name: (old[name], new[name]) for name in new if old[name] != new[name]}


def _words(layout: Layout) -> dict[str, str]:
    """As the audit trail tells it."""
    results = layout.results
    return {
        "name": layout.name,
        "file": layout.file.label,
        "frame": layout.frame.label,
        "encoding": layout.encoding.label,
        "commas": "예" if layout.commas else "아니오",
        "columns": ", ".join(
            f"{each.title}={each.field.label}{f'({each.value})' if each.value else ''}"
            for each in layout.columns
        ),
        "results": ", ".join(results.titles),
        "ok": ", ".join(results.ok),
        "failed": ", ".join(results.failed),
    }


@dataclass(frozen=True)
class Preview:
    """What a map makes of three made-up transfers: as a table, and as text where the file is one."""

    rows: list[list[str]]
    text: str | None
    faults: dict[str, str]


def preview(*, actor: Actor, layout: Layout) -> Preview:
    """Nothing is written. Raises Denied."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    wrong = bank_maps.faults(layout)
    if wrong:
        return Preview([], None, wrong)
    content = bank_maps.write(layout, SAMPLE_BATCH, SAMPLE_DAY, SAMPLES)
    return Preview(bank_maps.table_of(content), bank_maps.text_of(layout, content), {})


def codes(typed: str) -> tuple[str, ...]:
    """Codes as somebody types them: parted by commas or blanks, each once."""
    return tuple(dict.fromkeys(code for code in re.split(r"[\s,]+", typed.strip()) if code))
