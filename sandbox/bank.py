"""The bank, played: holder check, and the page that takes a transfer file and gives back its result."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from flask import Blueprint, Response, jsonify, render_template, request

from sandbox import bank_sheets, behaviours
from sandbox.errors import ApiError
from sandbox.times import iso, now
from sandbox.world import World, demand_basic_key, json_body, text

DATE = re.compile(r"\d{8}")
ACCOUNT = re.compile(r"\d{7,14}")
ANOTHER_NAME = "다른예금주"
OK = ("0000", "정상처리")
_BOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def blueprint(world: World) -> Blueprint:
    routes = Blueprint("bank", __name__, url_prefix="/bank")

    @routes.post("/v1/holders")
    def holder() -> Response:
        demand_basic_key(world.keys.bank)
        return jsonify(_holder(json_body(), unquote(request.headers.get("X-Expected-Name", ""))))

    @routes.post("/v1/results")
    def results() -> Response:
        demand_basic_key(world.keys.bank)
        return _file(*_run(world, request.get_data()))

    @routes.get("/")
    def page() -> str:
        return _page(world)

    @routes.post("/")
    def upload() -> str | tuple[str, int]:
        file = request.files.get("file")
        try:
            _run(world, file.read() if file else b"")
        except ApiError as error:
            return _page(world, error=error.message), 422
        return _page(world, done=True)

    @routes.get("/results/<batch_number>")
    def download(batch_number: str) -> Response:
        row = world.book.one("SELECT result FROM transfer WHERE batch_number = ?", batch_number)
        if row is None:
            raise ApiError("NOT_FOUND_BATCH", "받은 적이 없는 이체 묶음입니다.", 404)
        return _file(batch_number, row["result"])

    return routes


def _page(world: World, *, error: str = "", done: bool = False) -> str:
    batches = world.book.all("SELECT batch_number, received_at FROM transfer ORDER BY rowid DESC")
    return render_template("bank.html", batches=batches, error=error, done=done)


def _file(number: str, content: str | bytes) -> Response:
    """A result as it was answered: text of our lines, or a sheet in the kind that was sent."""
    kind, content_type = "csv", "text/csv; charset=utf-8"
    if isinstance(content, bytes):
        is_book = content.startswith(b"PK")
        kind = "xlsx" if is_book else "csv"
        content_type = _BOOK if is_book else "text/csv"
    name = re.sub(r"[^A-Za-z0-9_-]", "_", number)
    return Response(
        content if isinstance(content, bytes) else content.encode(),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="result-{name}.{kind}"'},
    )


def _holder(body: dict[str, Any], expected_name: str) -> dict[str, Any]:
    """The bank cannot know our companies: an ordinary account bears the name that the caller hopes for."""
    account = text(body, "accountNumber").replace("-", "")
    if not ACCOUNT.fullmatch(account) or text(body, "identityNumType") not in ("P", "B"):
        raise ApiError("INVALID_REQUEST", "계좌번호 또는 식별번호를 다시 확인해 주세요.")
    text(body, "identityNum")
    code, message = behaviours.ACCOUNTS.get(account[-4:], OK)
    if code in ("0011", "0012", "0099"):
        raise ApiError({"0099": "BANK_NOT_AVAILABLE"}.get(code, "NOT_FOUND_ACCOUNT"), message)
    name = ANOTHER_NAME if code == "0021" else (expected_name or ANOTHER_NAME)
    return {
        "bankCode": text(body, "bankCode"),
        "accountNumber": account,
        "accountName": name,
        "checkDT": now().strftime("%Y%m%d%H%M%S"),
        "result": "success",
        "resultMessage": OK[1],
    }


def _run(world: World, content: bytes) -> tuple[str, str | bytes]:
    """Carry out a transfer file once: the same again gets the same result, another of its number none."""
    received = iso(now())
    number, answer = _carried_out(content, received)
    fingerprint = hashlib.sha256(content).hexdigest()
    with world.book.write() as rows:
        known = rows.execute("SELECT * FROM transfer WHERE batch_number = ?", (number,)).fetchone()
        if known and known["fingerprint"] != fingerprint:
            raise ApiError("DUPLICATE_BATCH", f"{number} 번호의 다른 파일을 이미 처리했습니다.", 409)
        if known:
            return number, known["result"]
        rows.execute("INSERT INTO transfer VALUES (?, ?, ?, ?)", (number, fingerprint, answer, received))
        return number, answer


def _carried_out(content: bytes, received: str) -> tuple[str, str | bytes]:
    """What the bank knows the file by, and its result: a sheet by its first transfer's key."""
    sheet = bank_sheets.read(content)
    if sheet is None:
        number, day, lines = _read(content)
        return number, _result(number, day, lines)
    outcomes = [behaviours.ACCOUNTS.get(line.account[-4:], OK) for line in sheet.lines]
    return sheet.lines[0].cms, bank_sheets.answer(sheet, outcomes, received=received[:16])


def _read(content: bytes) -> tuple[str, str, list[list[str]]]:
    """Header, lines and trailer; one thing that does not parse or add up stops the whole file."""
    try:
        table = [row for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")) if row]
    except (UnicodeDecodeError, csv.Error):
        raise ApiError("INVALID_FILE", "UTF-8 CSV 파일이 아닙니다.") from None
    if len(table) < 3 or len(table[0]) != 3 or table[0][0] != "H" or not DATE.fullmatch(table[0][2]):
        raise ApiError("INVALID_FILE", "머리 줄(H)이 올바르지 않습니다.")
    lines, trailer = table[1:-1], table[-1]
    for place, line in enumerate(lines, start=2):
        _check_line(place, line)
    if len({line[1] for line in lines}) != len(lines):
        raise ApiError("INVALID_FILE", "일련번호가 겹칩니다.")
    total = sum(int(line[4]) for line in lines)
    if trailer != ["T", str(len(lines)), str(total)]:
        raise ApiError("INVALID_FILE", "꼬리 줄(T)의 건수 또는 합계가 맞지 않습니다.")
    return table[0][1], table[0][2], lines


def _check_line(place: int, line: Sequence[str]) -> None:
    good = (
        len(line) == 7
        and line[0] == "D"
        and line[1].isdigit()
        and re.fullmatch(r"\d{3}", line[2])
        and ACCOUNT.fullmatch(line[3])
        and re.fullmatch(r"[1-9]\d{0,12}", line[4])
        and line[5]
        and line[6]
    )
    if not good:
        raise ApiError("INVALID_FILE", f"{place}번째 줄이 올바르지 않습니다.")


def _result(number: str, day: str, lines: Sequence[Sequence[str]]) -> str:
    out = io.StringIO(newline="")
    write = csv.writer(out, lineterminator="\r\n").writerow
    write(["H", number, day, "RESULT"])
    for line in lines:
        code, message = behaviours.ACCOUNTS.get(line[3][-4:], OK)
        write(["D", line[1], line[6], line[4], code, message])
    write(["T", len(lines), sum(int(line[4]) for line in lines)])
    return out.getvalue()
