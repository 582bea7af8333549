"""Identity, tax office, messages and bank over real HTTP (R-JOIN-1, R-JOIN-4, R-MSG-1, R-SET-2)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date

import httpx
import pytest

from app.gateways import Gateways
from app.gateways.bank import HolderCheck
from app.gateways.errors import Refused, Unknown
from app.gateways.identity import CodeSent
from sandbox import behaviours
from tests.integration.gateways.conftest import WEB, Sandbox, settings_for

NewOrder = Callable[[], str]
PHONE = "01098765432"
BANK_KEY = ("sandbox-bank-key", "")


# Identity


def ask(gateways: Gateways, *, phone: str = PHONE, name: str = "홍길동") -> CodeSent:
    return gateways.identity.request_code(
        name=name, birth7="8001011", carrier="SKT", phone=phone, purpose="회원가입"
    )


def test_identity_gives_one_ci_per_person_on_any_phone(gateways: Gateways, sandbox: Sandbox) -> None:
    """R-JOIN-7 rests on it."""
    people = []
    for phone, name in ((PHONE, "홍길동"), ("01011112222", "홍길동"), (PHONE, "김영희")):
        sent = ask(gateways, phone=phone, name=name)
        people.append(gateways.identity.confirm(tx_id=sent.tx_id, code=sandbox.last_code(phone)))
    first, same, other = people
    assert (first.name, first.birth, first.phone) == ("홍길동", date(1980, 1, 1), PHONE)
    assert (len(first.ci), len(first.di)) == (88, 64)
    assert first.ci == same.ci != other.ci
    assert "홍길동" not in repr(first) and first.ci not in repr(first)


def test_a_code_serves_once_and_a_new_one_voids_the_old(gateways: Gateways, sandbox: Sandbox) -> None:
    sent = ask(gateways)
    old = sandbox.last_code(PHONE)
    assert gateways.identity.resend(tx_id=sent.tx_id).tx_id == sent.tx_id
    new = sandbox.last_code(PHONE)
    if old != new:
        with pytest.raises(Refused, match="INVALID_CODE"):
            gateways.identity.confirm(tx_id=sent.tx_id, code=old)
    gateways.identity.confirm(tx_id=sent.tx_id, code=new)
    with pytest.raises(Refused, match="NOT_FOUND_TRANSACTION"):
        gateways.identity.confirm(tx_id=sent.tx_id, code=new)


def test_five_wrong_codes_end_it(gateways: Gateways, sandbox: Sandbox) -> None:
    sent = ask(gateways)
    right = sandbox.last_code(PHONE)
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    for _ in range(5):
        with pytest.raises(Refused, match="INVALID_CODE") as refusal:
            gateways.identity.confirm(tx_id=sent.tx_id, code=wrong)
    assert "다시 입력해 주세요" in refusal.value.korean
    with pytest.raises(Refused, match="TOO_MANY_TRIES"):
        gateways.identity.confirm(tx_id=sent.tx_id, code=right)


def test_the_carrier_does_not_know_the_person(gateways: Gateways) -> None:
    with pytest.raises(Refused, match="IDENTITY_MISMATCH"):
        ask(gateways, phone=behaviours.phone_number("01"))


@pytest.mark.parametrize("digits", ["50", "56", "59", "77"])
def test_identity_out_of_order_is_unknown(digits: str, gateways: Gateways, impatient: Gateways) -> None:
    with pytest.raises(Unknown):
        ask(impatient if digits == "50" else gateways, phone=behaviours.phone_number(digits))


# Tax office


def test_tax_office_says_the_state_of_each_number(gateways: Gateways) -> None:
    going, rest, closed, nobody = "120-88-00767", *(behaviours.business_number(d) for d in ("02", "03", "04"))
    found = gateways.tax_office.status(business_numbers=[going, rest, closed, nobody, "1234567890"])
    assert [status.code for status in found.values()] == ["01", "02", "03", "", ""]
    assert list(found) == [going, rest, closed, nobody, "1234567890"]
    assert found[nobody].tax_type == "국세청에 등록되지 않은 사업자등록번호입니다."


def test_tax_office_is_asked_in_hundreds(gateways: Gateways, sandbox: Sandbox) -> None:
    stems = [f"{number:09d}" for number in range(101_000_000, 101_000_250)]
    numbers = [f"{stem}{behaviours.business_check_digit(stem)}" for stem in stems]
    found = gateways.tax_office.status(business_numbers=numbers)
    assert len(found) == 250
    assert {status.code for status in found.values()} == {"01"}
    url = f"{sandbox.url}/tax/api/nts-businessman/v1/status?serviceKey=sandbox-tax_office-key"
    answer = WEB.post(url, json={"b_no": numbers[:101]})
    assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE_REQUEST")


@pytest.mark.parametrize("digits", ["50", "56", "59", "88"])
def test_tax_office_out_of_order_is_unknown(digits: str, gateways: Gateways, impatient: Gateways) -> None:
    stem = f"9999{9}{digits}00"
    number = f"{stem}{behaviours.business_check_digit(stem)}"
    asking = impatient if digits == "50" else gateways
    with pytest.raises(Unknown):
        asking.tax_office.status(business_numbers=[number])


# Messages


def test_a_message_is_sent_once_per_key(gateways: Gateways, sandbox: Sandbox, new_order: NewOrder) -> None:
    """R-MSG-1: never twice for one event."""
    key, to = new_order(), "01055556666"
    first = gateways.sms.send(
        to="010-5555-6666", text="[K-비대면바우처] 승인되었습니다.", idempotency_key=key
    )
    again = gateways.sms.send(
        to="010-5555-6666", text="[K-비대면바우처] 승인되었습니다.", idempotency_key=key
    )
    other = gateways.sms.send(to=to, text="<b>두 번째</b>", idempotency_key=f"{key}-2")
    assert first == again != other
    texts = [message["text"] for message in sandbox.get("/messages.json", to=to)]
    assert texts == ["<b>두 번째</b>", "[K-비대면바우처] 승인되었습니다."]
    page = WEB.get(f"{sandbox.url}/messages", params={"to": to}).text
    assert page.index("두 번째") < page.index("승인되었습니다.")
    assert "&lt;b&gt;" in page and "<b>" not in page


def test_an_undeliverable_number_is_refused(gateways: Gateways, new_order: NewOrder) -> None:
    with pytest.raises(Refused, match="3014"):
        gateways.sms.send(to=behaviours.phone_number("01"), text="안녕하세요", idempotency_key=new_order())


def test_a_wrong_signature_sends_nothing(sandbox: Sandbox, new_order: NewOrder) -> None:
    settings = settings_for(sandbox.url)
    forger = Gateways.build(
        type(settings)(
            **{**vars(settings), "sms": type(settings.sms)(f"{sandbox.url}/sms", "sandbox-sms-key", "no")}
        )
    )
    with pytest.raises(Refused, match="SignatureDoesNotMatch"):
        forger.sms.send(to="01077778888", text="안녕하세요", idempotency_key=new_order())
    assert sandbox.get("/messages.json", to="01077778888") == []


# Bank


def check(gateways: Gateways, account: str, name: str) -> HolderCheck:
    return gateways.bank.holder(
        bank_code="088", account_number=account, identity_number="120-88-00767", expected_name=name
    )


def test_holder_check(gateways: Gateways) -> None:
    assert check(gateways, "110-123-456789", "주식회사 가나").matches
    assert not check(gateways, "110123459991", "주식회사 가나").matches
    with pytest.raises(Refused, match="NOT_FOUND_ACCOUNT") as refusal:
        check(gateways, "110123459999", "주식회사 가나")
    assert "계좌번호를 확인해 주세요" in refusal.value.korean


def transfer_file(number: str, *accounts: str, count: int | None = None) -> bytes:
    lines = [
        f"D,{i},088,{account},{i * 1000},㈜ 가나,S{i:04d}" for i, account in enumerate(accounts, start=1)
    ]
    total = sum(i * 1000 for i in range(1, len(accounts) + 1))
    return "\r\n".join(
        [f"H,{number},20201201", *lines, f"T,{len(accounts) if count is None else count},{total}", ""]
    ).encode()


def upload(sandbox: Sandbox, content: bytes) -> httpx.Response:
    return WEB.post(f"{sandbox.url}/bank/v1/results", content=content, auth=BANK_KEY)


def test_a_transfer_file_comes_back_line_by_line(sandbox: Sandbox, new_order: NewOrder) -> None:
    number = new_order()
    content = transfer_file(number, "110123450001", "110123459991", "110123459999")
    answer = upload(sandbox, content)
    rows = list(csv.reader(io.StringIO(answer.content.decode())))
    assert rows == [
        ["H", number, "20201201", "RESULT"],
        ["D", "1", "S0001", "1000", "0000", "정상처리"],
        ["D", "2", "S0002", "2000", "0021", "예금주 불일치"],
        ["D", "3", "S0003", "3000", "0011", "없는 계좌"],
        ["T", "3", "6000"],
    ]
    assert upload(sandbox, content).content == answer.content
    other = upload(sandbox, transfer_file(number, "110123450001"))
    assert (other.status_code, other.json()["code"]) == (409, "DUPLICATE_BATCH")


def test_a_file_that_does_not_add_up_is_not_carried_out(sandbox: Sandbox, new_order: NewOrder) -> None:
    number = new_order()
    for content in (transfer_file(number, "110123450001", count=2), b"\xff\xfe", b"", b"H,1,2020\n"):
        answer = upload(sandbox, content)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_FILE")
    assert upload(sandbox, transfer_file(number, "110123450001")).status_code == 200


def test_a_person_uploads_and_downloads_on_the_page(sandbox: Sandbox, new_order: NewOrder) -> None:
    number, url = new_order(), f"{sandbox.url}/bank/"
    files = {"file": ("transfer.csv", transfer_file(number, "110123450001"), "text/csv")}
    page = WEB.post(url, files=files)
    assert "이체를 처리했습니다" in page.text and number in page.text
    result = WEB.get(f"{sandbox.url}/bank/results/{number}")
    assert result.headers["Content-Disposition"] == f'attachment; filename="result-{number}.csv"'
    assert "정상처리" in result.content.decode()
    bad = WEB.post(url, files={"file": ("x.csv", b"no", "text/csv")})
    assert bad.status_code == 422
    assert "파일을 고쳐 다시 올려 주세요" in bad.text
