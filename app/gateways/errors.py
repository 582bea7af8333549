"""The three ways in which a call to the outer world does not succeed, and what a person is told.

Exception texts hold codes and reasons only, never what was sent: a phone, a card number or a code must not
reach a log by way of a traceback (R-PAY-2, R-AUD-1).
"""

from __future__ import annotations


class GatewayError(Exception):
    """A call to an outer system that gave no result."""


class Refused(GatewayError):
    """A definite no: nothing was done. `korean` says what the person can do about it."""

    def __init__(self, code: str, message: str, korean: str) -> None:
        super().__init__(code, message, korean)
        self.code = code
        self.message = message
        self.korean = korean

    def __str__(self) -> str:
        return self.code


class Unknown(GatewayError):
    """Nobody knows whether it was done: time-out, lost answer, 5xx, garbage. Ask, or repeat the key."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unavailable(GatewayError):
    """Definitely not done: no connection came about, or the system turned the call away unread."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Forged(GatewayError):
    """A call-back or return address that the gateway did not sign, or signed too long ago."""


ASK_OPERATOR = "외부 기관과의 연결 설정에 문제가 있습니다. 콜센터에 문의해 주세요."
TRY_LATER = "잠시 뒤 다시 시도해 주세요."

KOREAN = {
    # payment
    "INVALID_REJECT_CARD": "카드사에서 이 카드의 사용을 거절했습니다. 카드사에 문의해 주세요.",
    "INVALID_CARD_EXPIRATION": "카드 유효기간이 맞지 않습니다. 카드 앞면의 월/년을 다시 입력해 주세요.",
    "INVALID_STOPPED_CARD": "사용이 정지된 카드입니다. 카드사에 정지 해제를 요청한 뒤 다시 결제해 주세요.",
    "INVALID_CARD_LOST_OR_STOLEN": "분실 또는 도난 신고된 카드입니다. 카드사에 문의해 주세요.",
    "INVALID_CARD_NUMBER": "카드번호가 맞지 않습니다. 숫자 16자리를 다시 입력해 주세요.",
    "EXCEED_MAX_DAILY_PAYMENT_COUNT": "하루 결제 횟수를 넘었습니다. 내일 다시 결제해 주세요.",
    "EXCEED_MAX_PAYMENT_AMOUNT": "하루 결제 한도를 넘었습니다. 카드사에서 한도를 확인해 주세요.",
    "BELOW_MINIMUM_AMOUNT": "결제할 수 있는 최소 금액보다 적습니다. 결제 금액을 확인해 주세요.",
    "REJECT_CARD_PAYMENT": "한도 초과 또는 잔액 부족으로 결제되지 않았습니다. 잔액과 한도를 확인해 주세요.",
    "REJECT_CARD_COMPANY": "카드사에서 결제를 거절했습니다. 카드사에 이유를 문의해 주세요.",
    "PROVIDER_ERROR": f"결제 기관의 일시적인 오류로 결제되지 않았습니다. {TRY_LATER}",
    "INVALID_REQUEST": "입력한 내용을 결제 기관이 받아들이지 않았습니다. 내용을 확인하고 다시 시도해 주세요.",
    "INVALID_PASSWORD": "결제 비밀번호가 맞지 않습니다. 비밀번호를 확인하고 다시 결제해 주세요.",
    "INVALID_AUTH_CODE": "인증번호가 맞지 않습니다. 문자로 받은 여섯 자리를 다시 입력해 주세요.",
    "EXCEED_MAX_AUTH_COUNT": "인증번호를 여러 번 잘못 입력했습니다. 결제를 처음부터 다시 해 주세요.",
    "NOT_ENOUGH_BALANCE": "상품권 잔액이 부족합니다. 가상계좌로 자부담금을 입금한 뒤 다시 결제해 주세요.",
    "NOT_FOUND_PAYMENT": "결제 내역을 찾을 수 없습니다. 결제를 처음부터 다시 해 주세요.",
    "NOT_FOUND_PAYMENT_SESSION": "결제 시간이 지났습니다. 결제를 처음부터 다시 해 주세요.",
    "ALREADY_PROCESSED_PAYMENT": "이미 처리된 결제입니다. 결제 내역에서 결과를 확인해 주세요.",
    "EXPIRED": "결제 시간이 지났습니다. 결제를 처음부터 다시 해 주세요.",
    "PAY_PROCESS_CANCELED": "결제 창에서 취소했습니다. 결제하려면 다시 시작해 주세요.",
    "FAILED_INTERNAL_SYSTEM_PROCESSING": f"결제 기관의 오류로 결제되지 않았습니다. {TRY_LATER}",
    # cancellation
    "NOT_CANCELABLE_PAYMENT": "취소할 수 없는 결제입니다. 콜센터에 문의해 주세요.",
    "NOT_CANCELABLE_AMOUNT": "취소할 수 있는 금액을 넘었습니다. 남은 결제 금액을 확인해 주세요.",
    "EXCEED_MAX_REFUND_DUE": "결제 기관의 환불 기간이 지났습니다. 콜센터에 문의해 주세요.",
    "NOT_ALLOWED_PARTIAL_REFUND": "일부만 취소할 수 없는 결제입니다. 전액을 취소해 주세요.",
    "REFUND_REJECTED": "결제 기관에서 취소를 거절했습니다. 콜센터에 문의해 주세요.",
    "ALREADY_CANCELED_PAYMENT": "이미 취소된 결제입니다. 결제 내역에서 결과를 확인해 주세요.",
    "ALREADY_REFUND_PAYMENT": "이미 환불된 결제입니다. 결제 내역에서 결과를 확인해 주세요.",
    "FORBIDDEN_CONSECUTIVE_REQUEST": f"같은 요청이 잇달아 들어왔습니다. {TRY_LATER}",
    "NOT_AVAILABLE_BANK": f"은행 서비스 시간이 아닙니다. {TRY_LATER}",
    # identity
    "IDENTITY_MISMATCH": "통신사 정보와 다릅니다. 이름, 생년월일, 통신사, 번호를 확인해 주세요.",
    "INVALID_CODE": "인증번호가 맞지 않습니다. 문자로 받은 여섯 자리를 다시 입력해 주세요.",
    "EXPIRED_CODE": "인증번호 입력 시간이 지났습니다. '인증요청'을 다시 눌러 새 번호를 받아 주세요.",
    "TOO_MANY_TRIES": "인증번호를 여러 번 잘못 입력했습니다. 본인인증을 처음부터 다시 해 주세요.",
    "NOT_FOUND_TRANSACTION": "본인인증 요청을 찾을 수 없습니다. 본인인증을 처음부터 다시 해 주세요.",
    # card issue, wallet, bank, messages
    "NOT_FOUND_ISSUE": "카드 발급 신청을 찾을 수 없습니다. 콜센터에 문의해 주세요.",
    "ALREADY_ISSUED": "이미 발급된 카드라서 바꿀 수 없습니다. 신한카드(1544-7000)에 문의해 주세요.",
    "NOT_USABLE_ACCOUNT": "체크카드를 연결할 수 없는 계좌입니다. 본인 명의의 다른 계좌를 입력해 주세요.",
    "NOT_FOUND_WALLET": "상품권 지갑을 찾을 수 없습니다. 콜센터에 문의해 주세요.",
    "NOT_FOUND_ACCOUNT": "없는 계좌이거나 해지된 계좌입니다. 은행과 계좌번호를 확인해 주세요.",
    "BANK_NOT_AVAILABLE": f"은행이 지금 응답하지 않습니다. {TRY_LATER}",
    "TOO_LARGE_REQUEST": "한 번에 조회할 수 있는 건수를 넘었습니다. 나누어 다시 조회해 주세요.",
    "3014": "문자를 받을 수 없는 번호입니다. 휴대전화 번호를 확인해 주세요.",
    # our own fault
    "UNAUTHORIZED_KEY": ASK_OPERATOR,
    "INVALID_API_KEY": ASK_OPERATOR,
    "INVALID_IDEMPOTENCY_KEY": ASK_OPERATOR,
    "IDEMPOTENCY_KEY_MISMATCH": ASK_OPERATOR,
    "InvalidAPIKey": ASK_OPERATOR,
    "SignatureDoesNotMatch": ASK_OPERATOR,
    "RequestTimeTooSkewed": ASK_OPERATOR,
    "-401": ASK_OPERATOR,
}


def korean_for(code: str) -> str:
    """What to tell the person; a code that nobody foresaw still says what to do."""
    return KOREAN.get(
        code, f"요청이 거절되었습니다(코드 {code}). 내용을 확인하고, 계속되면 콜센터에 문의해 주세요."
    )
