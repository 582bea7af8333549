"""부정 신고 on the public pages: without a name, followed by number and code (R-SET-4)."""

from __future__ import annotations

import io
import re

from flask import Flask
from flask.testing import FlaskClient

from app.db import db
from app.models.abuse import AbuseReport
from app.policy import CLOCK, Role
from app.workflows import abuse, programmes
from tests import factories

FORM = {
    "category": "kickback",
    "about": "가나다소프트",
    "body": "결제액을 현금으로 돌려받았습니다.",
    "form_id": "11111111-1111-4111-8111-111111111111",
}
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00" * 20 + b"\x00\x00\x00\x00IEND\xaeB`\x82"


def _browser(site: Flask) -> FlaskClient:
    programmes.create_programme(actor=CLOCK, year=2020)
    return site.test_client()


def _filed(page: str) -> dict[str, str]:
    number = re.search(r"A\d{4}-\d{6}", page)
    code = re.search(r"(?:[0-9A-Z]{4}-){3}[0-9A-Z]{4}", page)
    assert number and code
    return {"number": number[0], "code": code[0]}


def test_anyone_files_and_follows_it(site: Flask) -> None:
    client = _browser(site)
    assert 'href="/abuse"' in client.get("/").text, "from the foot of every public page"
    page = client.get("/abuse").text
    assert "신고하는 분을 보호합니다" in page and 'href="/abuse/status"' in page
    answer = client.post("/abuse", data={**FORM, "file": (io.BytesIO(PNG), "증거.png")})
    assert answer.headers["Cache-Control"] == "no-store"
    known = _filed(answer.text)
    assert _filed(client.post("/abuse", data=FORM).text) == known, "sent twice it is one"
    report = db.session.query(AbuseReport).one()

    other = site.test_client()
    page = other.post("/abuse/status", data=known).text
    assert "결제액을 현금으로 돌려받았습니다." in page and "아직 답변이 없습니다" in page
    manager = factories.make_actor(Role.PROGRAMME_MANAGER)
    abuse.take(actor=manager, report_id=report.id)
    abuse.answer(actor=manager, report_id=report.id, body="언제였는지 알려 주세요.")
    page = other.post("/abuse/status", data=known).text
    assert "언제였는지 알려 주세요." in page and manager.name not in page, "an office answers, not a person"
    page = other.post("/abuse/status/reply", data={**known, "body": "10월입니다."}).text
    assert "담당자에게 전했습니다" in page and "10월입니다." in page
    abuse.close(actor=manager, report_id=report.id, reason="환수했습니다.")
    page = other.post("/abuse/status", data=known).text
    assert "환수했습니다." in page and "추가 내용 보내기" not in page
    late = other.post("/abuse/status/reply", data={**known, "body": "하나 더"})
    assert late.status_code == 422 and "처리가 끝난 신고입니다" in late.text


def test_a_wrong_code_says_nothing_about_the_number(site: Flask) -> None:
    client = _browser(site)
    known = _filed(client.post("/abuse", data=FORM).text)
    said = []
    for wrong in (
        {**known, "code": "0000-0000-0000-0000"},
        {"number": "A2020-999999", "code": known["code"]},
        {"number": "A2020-999999", "code": "0000-0000-0000-0000"},
    ):
        answer = client.post("/abuse/status", data=wrong)
        assert answer.status_code == 422 and "현금" not in answer.text
        said.append(re.findall(r"접수번호나 확인코드가 맞지 않습니다[^<]*", answer.text)[0])
        reply = client.post("/abuse/status/reply", data={**wrong, "body": "끼어들기"})
        assert reply.status_code == 422
    assert len(set(said)) == 1
    assert db.session.query(AbuseReport).one().replies == []


def test_what_is_wrong_is_said_and_what_was_typed_stays(site: Flask) -> None:
    client = _browser(site)
    answer = client.post("/abuse", data={**FORM, "body": " ", "category": ""})
    assert answer.status_code == 422 and "가나다소프트" in answer.text
    assert "신고 내용을 입력해 주세요" in answer.text and "신고 유형을 선택해 주세요" in answer.text
    answer = client.post("/abuse", data={**FORM, "file": (io.BytesIO(b"MZ"), "증거.pdf")})
    assert answer.status_code == 422 and "PDF, JPEG, PNG 파일만" in answer.text
    assert client.post("/abuse/status", data={"number": "", "code": ""}).status_code == 422
    assert db.session.query(AbuseReport).count() == 0


def test_a_secret_never_stands_in_an_address(site: Flask) -> None:
    client = _browser(site)
    known = _filed(client.post("/abuse", data=FORM).text)
    page = client.get("/abuse/status", query_string=known).text
    assert "현금" not in page and known["code"] not in page
