"""R-DOC-2: a bundle with its index and its hashes, of which the same content gives the same bytes."""

from __future__ import annotations

import hashlib
import io
import subprocess
import time
import zipfile
from pathlib import Path

import pytest
from openpyxl import load_workbook

from app.documents import archive
from app.documents.archive import Bundle, IndexRow
from app.models.payments import SlipKind
from tests import papers

FILES = {"전표/2020-R-000001.pdf": b"%PDF-1.4 one", "전표/2020-R-000002.pdf": b"%PDF-1.4 two", "빈.pdf": b""}


def bundled(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with Bundle(out) as bundle:
        for name, content in files.items():
            assert bundle.add(name, content) == hashlib.sha256(content).hexdigest()
    return out.getvalue()


def test_the_same_content_is_the_same_bytes() -> None:
    first = bundled(FILES)
    time.sleep(0.01)
    assert bundled(FILES) == first
    assert bundled(dict(reversed(FILES.items()))) != first


def test_the_hashes_are_as_the_common_tool_reads_them(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(bundled(FILES))) as bundle:
        assert bundle.namelist() == [*FILES, archive.SUMS_NAME] and bundle.testzip() is None
        bundle.extractall(tmp_path)
    command = ["sha256sum", "--check", "--strict", archive.SUMS_NAME]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0
    (tmp_path / "빈.pdf").write_bytes(b"x")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 1


def test_broken_off_it_has_no_list_of_hashes() -> None:
    out = io.BytesIO()
    with pytest.raises(KeyboardInterrupt), Bundle(out) as bundle:
        bundle.add("one.pdf", b"one")
        raise KeyboardInterrupt
    with zipfile.ZipFile(out) as left:
        assert left.namelist() == ["one.pdf"]


def row(**given: str | None) -> IndexRow:
    kept: dict[str, str | None] = {"cancelled_by": None, "file_name": "a.pdf", "sha256": "0" * 64}
    return IndexRow(kind=SlipKind.RECEIPT.label, data=papers.payment().dump(), **(kept | given))  # type: ignore[arg-type]


def test_the_index_has_no_moment_in_it_and_says_what_the_paper_says() -> None:
    first = archive.index([row(cancelled_by="2020-C-000007"), row()])
    time.sleep(1.1)
    assert archive.index([row(cancelled_by="2020-C-000007"), row()]) == first
    sheet = load_workbook(io.BytesIO(first)).active
    assert sheet is not None
    heads, line, second, total = sheet.iter_rows(values_only=True)
    said = dict(zip(heads, line, strict=True))
    paper = papers.payment()
    assert (said["문서번호"], said["문서확인번호"]) == (paper.stamp.number, paper.stamp.code)
    assert (said["공급기업"], said["수요기업 사업자등록번호"]) == (
        paper.supplier.name,
        paper.buyer.business_number,
    )
    assert said["공급가액"] + said["세액"] == said["합계"] == paper.total
    assert said["정부지원금"] + said["자부담금"] + said["기업 부담 부가세"] == paper.total
    assert said["취소전표 번호"] == "2020-C-000007"
    assert dict(zip(heads, second, strict=True))["취소전표 번호"] is None
    summed = dict(zip(heads, total, strict=True))
    assert (summed["문서 종류"], summed["합계"]) == ("전표 합계(2건)", 2 * paper.total)


def test_every_kind_of_paper_has_its_line() -> None:
    """What a kind does not say stays empty; a list of billed payments names its company."""
    for paper, buyer in ((papers.settlement(), None), (papers.billing(), papers.billing().company.name)):
        one = IndexRow(kind="-", data=paper.dump(), cancelled_by=None, file_name="a.pdf", sha256="0" * 64)
        sheet = load_workbook(io.BytesIO(archive.index([one]))).active
        assert sheet is not None
        heads, line, _ = sheet.iter_rows(values_only=True)
        said = dict(zip(heads, line, strict=True))
        assert said["수요기업"] == buyer and isinstance(said["합계"], int) and said["원 전표 번호"] is None
