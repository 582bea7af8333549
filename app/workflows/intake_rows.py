"""The rows of a K-Startup file: which columns, and when a row is refused (R-KST-1). Knows no database."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date

from app.documents.sheets import Cell, Line
from app.errors import InvalidInput
from app.models.companies import CompanyKind
from app.models.numbers import digits, valid_business_number, valid_mobile
from app.models.vouchers import InstrumentKind
from app.workflows.company_edits import valid_email

COLUMNS = {
    "kstartup_id": "아이디",
    "name": "기업명",
    "kind": "기업구분",
    "business_number": "사업자등록번호",
    "representative": "대표자명",
    "phone": "휴대폰번호",
    "email": "이메일",
    "agency": "운영기관",
    "selected_on": "선정일",
    "instrument": "결제수단",
}
LENGTHS = {
    "kstartup_id": 50,
    "name": 100,
    "representative": 50,
    "email": 100,
    "agency": 100,
    "instrument": 50,
}
KINDS = {kind.label: kind for kind in CompanyKind}
INSTRUMENTS = {kind.label: kind for kind in InstrumentKind} | {"제로페이": InstrumentKind.ZEROPAY}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{1,49}")


@dataclass(frozen=True)
class Row:
    """A good row, checked and in the platform's own terms."""

    number: int
    kstartup_id: str
    name: str
    kind: str
    business_number: str
    representative: str
    phone: str
    email: str
    agency_id: int
    selected_on: str
    instrument: str | None

    def dump(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Fault:
    row: int
    column: str
    reason: str

    def dump(self) -> dict[str, object]:
        return asdict(self)


def heading(
    lines: list[Line], columns: Mapping[str, str] = COLUMNS, *, wanted: str = "선정기업 명단을"
) -> dict[str, int]:
    """Where each column stands. Raises InvalidInput `intake.empty`, `intake.heading`."""
    if not lines:
        text = f"파일에 내용이 없습니다. {wanted} 올려 주세요."
        raise InvalidInput("intake.empty", text, fields={"file": text})
    titles = [_squeezed(cell) for cell in lines[0].cells]
    lacking = [title for title in columns.values() if titles.count(_squeezed(title)) != 1]
    if lacking or lines[0].number != 1:
        text = (
            "첫 행에 열 제목이 하나씩 있어야 합니다. 확인할 제목: "
            f"{', '.join(lacking) or '첫 행이 비어 있음'}"
        )
        raise InvalidInput("intake.heading", text, fields={"file": text})
    return {field: titles.index(_squeezed(title)) for field, title in columns.items()}


def _squeezed(cell: Cell) -> str:
    return re.sub(r"\s", "", str(cell))


def cells_of(line: Line, places: dict[str, int]) -> dict[str, Cell]:
    return {field: line.cells[at] if at < len(line.cells) else "" for field, at in places.items()}


def check(cells: dict[str, Cell], number: int, agencies: dict[str, int]) -> Row | Fault:
    """The row, or the first fault by column."""
    for field, title in COLUMNS.items():
        reason = _reason(field, cells[field], agencies)
        if reason:
            return Fault(number, title, reason)
    text = {field: str(value) for field, value in cells.items()}
    selected = _day(cells["selected_on"])
    instrument = INSTRUMENTS.get(text["instrument"])
    return Row(
        number=number,
        kstartup_id=text["kstartup_id"],
        name=text["name"],
        kind=KINDS[text["kind"]].value,
        business_number=digits(text["business_number"]),
        representative=text["representative"],
        phone=digits(text["phone"]),
        email=text["email"],
        agency_id=agencies[text["agency"]],
        selected_on=selected.isoformat() if selected else "",
        instrument=instrument.value if instrument else None,
    )


def _reason(field: str, value: Cell, agencies: dict[str, int]) -> str | None:
    if value == "":
        return None if field == "instrument" else "필수 항목이 비어 있습니다."
    if isinstance(value, date):
        return None if field == "selected_on" else "날짜가 아니라 글자로 입력해야 합니다."
    if value[0] in "=+-@":
        return "'=', '+', '-', '@'로 시작하는 값은 받을 수 없습니다."
    if any(ord(letter) < 32 for letter in value):
        return "줄바꿈이나 제어 문자를 넣을 수 없습니다."
    if len(value) > LENGTHS.get(field, 50):
        return f"{LENGTHS.get(field, 50)}자를 넘습니다(현재 {len(value)}자)."
    wrong = _CHECKS.get(field)
    if wrong is not None:
        return wrong(value)
    if field == "agency" and value not in agencies:
        return "등록된 운영기관의 이름이 아닙니다."
    return None


def _day(value: Cell) -> date | None:
    if isinstance(value, date):
        return value
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _unless(right: Callable[[str], object], text: str) -> Callable[[str], str | None]:
    return lambda value: None if right(value) else text


_CHECKS: dict[str, Callable[[str], str | None]] = {
    "kstartup_id": _unless(_ID.fullmatch, "아이디는 영문, 숫자와 . _ @ - 로 된 2자 이상이어야 합니다."),
    "kind": _unless(KINDS.__contains__, "'개인' 또는 '법인'이어야 합니다."),
    "business_number": _unless(
        lambda value: valid_business_number(digits(value)), "사업자등록번호의 검증번호가 맞지 않습니다."
    ),
    "phone": _unless(
        lambda value: valid_mobile(digits(value)),
        "휴대전화 번호가 아닙니다('010-0000-0000'). 엑셀에서 앞의 0이 지워지지 않았는지 확인해 주세요.",
    ),
    "email": _unless(valid_email, "이메일 형식이 아닙니다('name@example.co.kr')."),
    "selected_on": _unless(_day, "날짜를 읽을 수 없습니다. '2020-11-01' 형식으로 입력해 주세요."),
    "instrument": _unless(
        INSTRUMENTS.__contains__,
        f"알 수 없는 결제수단입니다({', '.join(INSTRUMENTS)} 가운데 하나, 또는 빈칸).",
    ),
}


class Repeats:
    """What has stood in the file so far: of two rows with one ID or business number the later is refused."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._numbers: dict[str, int] = {}

    def find(self, cells: dict[str, Cell], number: int) -> Fault | None:
        found = None
        for field, seen, key in (
            ("kstartup_id", self._ids, str(cells["kstartup_id"]).lower()),
            ("business_number", self._numbers, digits(str(cells["business_number"]))),
        ):
            first = seen.setdefault(key, number) if key else number
            if first != number and found is None:
                found = Fault(number, COLUMNS[field], f"{first}행에 같은 값이 있습니다.")
        return found


def sift(lines: list[Line], agencies: dict[str, int]) -> tuple[list[Row], list[Fault]]:
    """Good rows and refused ones. Raises InvalidInput for a file without its heading."""
    places, repeats = heading(lines), Repeats()
    rows: list[Row] = []
    faults: list[Fault] = []
    for line in lines[1:]:
        cells = cells_of(line, places)
        repeated = repeats.find(cells, line.number)
        checked = check(cells, line.number, agencies)
        if isinstance(checked, Fault):
            faults.append(checked)
        elif repeated is not None:
            faults.append(repeated)
        else:
            rows.append(checked)
    return rows, faults


def part(
    rows: list[Row], held_ids: Collection[str], held_numbers: Collection[str]
) -> tuple[list[Row], list[Row]]:
    """Those to take in, and those that the programme already holds."""
    fresh: list[Row] = []
    already: list[Row] = []
    for row in rows:
        held = row.kstartup_id.lower() in held_ids or row.business_number in held_numbers
        (already if held else fresh).append(row)
    return fresh, already
