"""A bundle of documents, their index, and the hashes of all of it (R-DOC-2). Same content, same bytes."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Self

from app.documents import exports
from app.documents.exports import Column

INDEX_NAME = "색인.xlsx"
SUMS_NAME = "SHA256SUMS"
"""As `sha256sum --check` reads it."""
_DATE = (1980, 1, 1, 0, 0, 0)
_WRITTEN = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(</dcterms)")


class Bundle:
    """A ZIP that is written as it comes: memory holds one document at a time, and the lines of the hashes."""

    def __init__(self, out: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(out, "w", zipfile.ZIP_STORED)
        self._sums: list[str] = []

    def add(self, name: str, content: bytes) -> str:
        """Put a file in and return its SHA-256. Documents are compressed as they are: nothing to gain."""
        sha256 = hashlib.sha256(content).hexdigest()
        self._write(name, content)
        self._sums.append(f"{sha256}  {name}\n")
        return sha256

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """The list of hashes comes last; where the work was broken off there is none."""
        if kind is None:
            self._write(SUMS_NAME, "".join(self._sums).encode())
        self._zip.close()

    def _write(self, name: str, content: bytes) -> None:
        entry = zipfile.ZipInfo(name, date_time=_DATE)
        entry.create_system, entry.external_attr = 3, 0o644 << 16
        self._zip.writestr(entry, content)


def undated(workbook: bytes) -> bytes:
    """The same workbook without the moment at which it was written: in its properties and in its ZIP."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as read, zipfile.ZipFile(out, "w") as written:
        for name in read.namelist():
            content = read.read(name)
            if name == "docProps/core.xml":
                content = _WRITTEN.sub(rb"\g<1>1980-01-01T00:00:00Z\g<2>", content)
            entry = zipfile.ZipInfo(name, date_time=_DATE)
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            written.writestr(entry, content)
    return out.getvalue()


@dataclass(frozen=True, kw_only=True)
class IndexRow:
    """A document as the index lists it. `data` is what it says, as it was taken down."""

    kind: str
    data: Mapping[str, Any]
    is_minus: bool = False
    """Whether its sums count below zero: those of a cancellation."""
    cancelled_by: str | None
    """The number of the slip that cancels it."""
    file_name: str
    sha256: str

    def said(self, *path: str) -> Any:
        value: Any = self.data
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def won(self, name: str) -> int | None:
        value = self.said(name)
        return value if value is None or not self.is_minus else -int(value)


def _won(title: str, name: str) -> Column[IndexRow]:
    return Column(title, lambda row: row.won(name), "won")


def _party(side: str, name: str) -> Column[IndexRow]:
    titles = {"supplier": "공급기업", "buyer": "수요기업"}
    label = titles[side] if name == "name" else f"{titles[side]} 사업자등록번호"
    return Column(label, lambda row: row.said(side, name) or row.said(_OTHERWISE.get(side, ""), name))


_OTHERWISE = {"buyer": "company"}
"""What the buyer is called in a list of billed payments."""

_SUMMED = {
    "공급가액": "supply",
    "세액": "tax",
    "합계": "total",
    "정부지원금": "grant",
    "자부담금": "share",
    "기업 부담 부가세": "extra_tax",
}

INDEX: Sequence[Column[IndexRow]] = (
    Column("문서 종류", lambda row: row.kind, width=24),
    Column("문서번호", lambda row: row.said("stamp", "number"), width=16),
    Column("발급일", lambda row: row.said("stamp", "issued_on"), width=16),
    _party("supplier", "name"),
    _party("supplier", "business_number"),
    _party("buyer", "name"),
    _party("buyer", "business_number"),
    Column("품목", lambda row: row.said("item"), width=32),
    Column("승인번호", lambda row: row.said("approval_number")),
    *(_won(title, name) for title, name in _SUMMED.items()),
    Column("취소전표 번호", lambda row: row.cancelled_by, width=16),
    Column("원 전표 번호", lambda row: row.said("original_number"), width=16),
    Column("정산번호", lambda row: row.said("batch")),
    Column("문서확인번호", lambda row: row.said("stamp", "code"), width=24),
    Column("파일", lambda row: row.file_name, width=34),
    Column("SHA-256", lambda row: row.sha256, width=70),
)


def index(rows: Sequence[IndexRow]) -> bytes:
    """With a sum for each kind, and none of all: several kinds say the same money."""
    return undated(exports.xlsx(rows, INDEX, title="색인", totals=_totals(rows)))


def _totals(rows: Sequence[IndexRow]) -> Iterator[tuple[str, dict[str, int]]]:
    for kind in dict.fromkeys(row.kind for row in rows):
        alike = [row for row in rows if row.kind == kind]
        told = {title: [row.won(name) for row in alike] for title, name in _SUMMED.items()}
        sums = {title: sum(filter(None, values)) for title, values in told.items() if None not in values}
        yield f"{kind} 합계({len(alike):,}건)", sums
