"""The tables of test numbers: what a person types decides what happens (docs/sandbox.md lists them).

A number of the special range whose two digits stand in no table is answered with a loud 500: a mistyped test
number must not pass for a success.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.errors import ApiError

CARD_RANGE = "999900"
PASSWORD_RANGE = "9900"  # noqa: S105 - the range of test passwords, a secret of nobody
PHONE_RANGE = "01099990"
BUSINESS_RANGE = "99999"

# digits -> (code, HTTP status, message)
CODE_DECLINES: dict[str, tuple[str, int, str]] = {
    "20": ("INVALID_CARD_NUMBER", 400, "카드번호가 올바르지 않습니다."),
    "21": ("INVALID_CARD_EXPIRATION", 400, "카드 유효기간이 올바르지 않습니다."),
    "22": ("INVALID_STOPPED_CARD", 400, "정지된 카드입니다."),
}
CODE_FAULTS: dict[str, str] = {
    "30": "인증번호 요청에 30초 동안 답이 없다(문자도 없다)",
    "31": "인증번호는 보냈지만 답은 30초 뒤에 온다",
    "32": "인증번호는 보냈지만 답을 잃는다(연결이 끊긴다)",
    "36": "인증번호 요청에 500 오류(문자도 없다)",
    "38": "인증번호 요청에 3초 걸린다, 승인",
    "39": "인증번호는 보냈지만 답이 깨져 있다(JSON이 아니다)",
}
# digits -> (code, HTTP status, message)
DECLINES: dict[str, tuple[str, int, str]] = {
    "01": ("INVALID_REJECT_CARD", 400, "카드 사용이 거절되었습니다."),
    "02": ("INVALID_CARD_EXPIRATION", 400, "카드 유효기간이 올바르지 않습니다."),
    "03": ("INVALID_STOPPED_CARD", 400, "정지된 카드입니다."),
    "04": ("EXCEED_MAX_DAILY_PAYMENT_COUNT", 400, "하루 결제 가능 횟수를 초과했습니다."),
    "05": ("EXCEED_MAX_PAYMENT_AMOUNT", 400, "하루 결제 가능 금액을 초과했습니다."),
    "06": ("INVALID_CARD_LOST_OR_STOLEN", 400, "분실 또는 도난 카드입니다."),
    "07": ("INVALID_CARD_NUMBER", 400, "카드번호가 올바르지 않습니다."),
    "08": ("BELOW_MINIMUM_AMOUNT", 400, "최소 결제 금액보다 적습니다."),
    "09": ("REJECT_CARD_PAYMENT", 403, "한도초과 또는 잔액부족으로 결제에 실패했습니다."),
    "10": ("REJECT_CARD_COMPANY", 403, "카드사에서 결제를 거절했습니다."),
    "11": ("PROVIDER_ERROR", 400, "일시적인 오류로 승인되지 않았습니다."),
    "12": ("INVALID_REQUEST", 400, "잘못된 요청입니다."),
    "13": ("INVALID_PASSWORD", 400, "결제 비밀번호가 일치하지 않습니다."),
    "14": ("NOT_ENOUGH_BALANCE", 400, "상품권 잔액이 부족합니다."),
}
CONFIRM_FAULTS: dict[str, str] = {
    "50": "응답 없음: 돈이 나가지 않고 30초 동안 답이 없다",
    "51": "승인됐지만 답은 30초 뒤에 온다(시간 초과 뒤 성공)",
    "52": "승인됐지만 답을 잃는다(연결이 끊긴다)",
    "53": "승인, 통지(call-back)가 두 번 온다",
    "54": "승인, 통지가 20초 늦게 온다",
    "55": "승인, 통지가 답보다 먼저 온다",
    "56": "500 오류, 돈이 나가지 않는다",
    "57": "첫 시도는 500 오류, 다시 하면 승인",
    "58": "승인, 3초 걸린다(그동안 같은 열쇠의 요청은 409)",
    "59": "승인됐지만 답이 깨져 있다(JSON이 아니다)",
    "60": "승인됐지만 500 오류로 답한다",
    "61": "돈이 나가지 않고 연결이 끊긴다",
}
# digits -> (what the query does, how often, text)
FIND_FAULTS: dict[str, tuple[str, int, str]] = {
    "62": ("hang", 1, "승인됐지만 답을 잃는다; 첫 조회는 30초 동안 답이 없고, 다음 조회는 맞게 답한다"),
    "63": ("500", 2, "승인됐지만 답을 잃는다; 두 번째 조회까지 500 오류, 다음 조회는 맞게 답한다"),
    "64": ("garbage", 2, "승인됐지만 답을 잃는다; 두 번째 조회까지 깨진 답, 다음 조회는 맞게 답한다"),
    "65": (
        "missing",
        2,
        "승인됐지만 답을 잃는다; 두 번째 조회까지 없는 주문이라 하고, 다음 조회는 맞게 답한다",
    ),
}
CANCEL_DECLINES: dict[str, tuple[str, int, str]] = {
    "70": ("NOT_CANCELABLE_PAYMENT", 403, "취소할 수 없는 결제입니다."),
    "71": ("NOT_CANCELABLE_AMOUNT", 403, "취소할 수 없는 금액입니다."),
    "72": ("EXCEED_MAX_REFUND_DUE", 400, "환불 가능한 기간이 지났습니다."),
    "73": ("NOT_ALLOWED_PARTIAL_REFUND", 400, "부분 환불이 허용되지 않는 결제입니다."),
    "74": ("REFUND_REJECTED", 400, "환불이 거절되었습니다."),
    "75": ("FORBIDDEN_CONSECUTIVE_REQUEST", 403, "잠시 후 다시 시도해 주세요."),
}
CANCEL_FAULTS: dict[str, str] = {
    "80": "승인; 취소는 응답 없음(취소되지 않는다)",
    "81": "승인; 취소됐지만 답은 30초 뒤에 온다",
    "82": "승인; 취소됐지만 답을 잃는다",
    "83": "승인; 취소는 500 오류(취소되지 않는다)",
    "84": "승인; 취소됐지만 답이 깨져 있다",
}
CANCEL_FIND_FAULTS: dict[str, tuple[str, int, str]] = {
    "85": ("hang", 1, "승인; 취소됐지만 답을 잃는다; 첫 조회는 30초 동안 답이 없고, 다음 조회는 맞게 답한다"),
    "86": ("500", 2, "승인; 취소됐지만 답을 잃는다; 두 번째 조회까지 500 오류, 다음 조회는 맞게 답한다"),
    "87": ("garbage", 2, "승인; 취소됐지만 답을 잃는다; 두 번째 조회까지 깨진 답, 다음 조회는 맞게 답한다"),
}
# The payment succeeds; its cancellation too, where one comes. What differs is the daily file (R-SET-3).
STATEMENT_FAULTS: dict[str, str] = {
    "90": "승인; 일별 명세에서 빠진다",
    "91": "승인; 일별 명세에 100원 많게 실린다",
    "92": "승인; 일별 명세에 두 번 실린다",
    "93": "승인; 나중에 취소하면 그 취소가 일별 명세에서 빠진다",
    "94": "승인; 다음 날 명세에 실린다",
    "95": "승인; 사흘 뒤 명세에 실린다",
    "96": "승인; 아무도 하지 않은 승인 한 건이 같은 명세에 함께 실린다",
    "97": "승인; 명세의 그 행은 거래일시가 깨져 있다",
    "98": "승인; 그날 명세를 처음 받을 때는 합계 줄이 맞지 않고, 다시 받으면 맞다",
    "99": "승인; 하지 않은 취소가 같은 명세에 함께 실린다",
}
PHONES: dict[str, str] = {
    "01": "본인확인 거절: 통신사 가입 정보 불일치; 문자는 전달 실패",
    "50": "응답 없음 30초",
    "56": "500 오류",
    "58": "3초 뒤 정상",
    "59": "깨진 답",
}
# digits -> (b_stt_cd or special, text, tax_type_cd, tax_type)
BUSINESSES: dict[str, tuple[str, str, str, str]] = {
    "02": ("02", "휴업자", "01", "부가가치세 일반과세자"),
    "03": ("03", "폐업자", "01", "부가가치세 일반과세자"),
    "04": ("", "", "", "국세청에 등록되지 않은 사업자등록번호입니다."),
    "12": ("01", "계속사업자", "02", "부가가치세 간이과세자"),
    "13": ("01", "계속사업자", "03", "부가가치세 면세사업자"),
    "16": ("01", "계속사업자", "06", "고유번호가 부여된 단체"),
    "50": ("hang", "응답 없음 30초", "", ""),
    "56": ("500", "500 오류", "", ""),
    "58": ("slow", "3초 뒤 정상", "", ""),
    "59": ("garbage", "깨진 답", "", ""),
}
ACCOUNTS: dict[str, tuple[str, str]] = {
    "9991": ("0021", "예금주 불일치"),
    "9992": ("0012", "해지된 계좌"),
    "9993": ("0013", "입금 제한 계좌"),
    "9994": ("0031", "1회 이체 한도 초과"),
    "9995": ("0099", "수취 은행 장애"),
    "9999": ("0011", "없는 계좌"),
}


def luhn_valid(number: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def business_check_digit(first_nine: str) -> int:
    """The National Tax Service's check digit over the first nine digits of a business registration number."""
    weights = (1, 3, 7, 1, 3, 7, 1, 3, 5)
    total = sum(int(digit) * weight for digit, weight in zip(first_nine, weights, strict=True))
    return (10 - (total + int(first_nine[8]) * 5 // 10) % 10) % 10


def business_number_valid(number: str) -> bool:
    return len(number) == 10 and number.isdigit() and business_check_digit(number[:9]) == int(number[9])


def card_number(digits: str) -> str:
    """The test card number for two digits of the tables, with its Luhn digit."""
    stem = f"{CARD_RANGE}{digits}0000000"
    return next(f"{stem}{last}" for last in range(10) if luhn_valid(f"{stem}{last}"))


def password(digits: str) -> str:
    return f"{PASSWORD_RANGE}{digits}"


def phone_number(digits: str) -> str:
    return f"{PHONE_RANGE}0{digits}"


def business_number(digits: str) -> str:
    stem = f"{BUSINESS_RANGE}{digits}00"
    return f"{stem}{business_check_digit(stem)}"


def _known(digits: str, *tables: Mapping[str, object]) -> str:
    if not any(digits in table for table in tables):
        raise ApiError("UNKNOWN_TEST_NUMBER", f"표에 없는 시험용 번호입니다: '{digits}'.", 500)
    return digits


_PAYMENT = (
    DECLINES,
    CONFIRM_FAULTS,
    FIND_FAULTS,
    CANCEL_DECLINES,
    CANCEL_FAULTS,
    CANCEL_FIND_FAULTS,
    STATEMENT_FAULTS,
)


def of_card(number: str) -> str:
    """The behaviour that a card number asks for; empty for an ordinary card."""
    return _known(number[6:8], CODE_DECLINES, CODE_FAULTS, *_PAYMENT) if number.startswith(CARD_RANGE) else ""


def of_password(text: str) -> str:
    """As `of_card`; ZeroPay sends no code, so that the numbers for its sending are none here."""
    return _known(text[4:6], *_PAYMENT) if text.startswith(PASSWORD_RANGE) and len(text) == 6 else ""


def of_phone(number: str) -> str:
    return _known(number[9:11], PHONES) if number.startswith(PHONE_RANGE) else ""


def of_business(number: str) -> str:
    return _known(number[5:7], BUSINESSES) if number.startswith(BUSINESS_RANGE) else ""
