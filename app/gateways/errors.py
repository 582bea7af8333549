"""The three ways in which a call to the outer world does not succeed, and what a person is told.

Exception texts hold codes and reasons only, never what was sent: a phone, a card number or a code must not
reach a log by way of a traceback (R-PAY-2, R-AUD-1).
"""

from __future__ import annotations

from app.gateways.declines import ASK_OPERATOR, DECLINES


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


TRY_LATER = "잠시 뒤 다시 시도해 주세요."

KOREAN = {
    **{code: decline.korean for code, decline in DECLINES.items()},
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
    "UNDELIVERABLE_ADDRESS": "메일을 받을 수 없는 주소입니다. 이메일 주소를 확인해 주세요.",
    "INVALID_ADDRESS": "이메일 주소가 아닙니다. 이메일 주소를 확인해 주세요.",
    "MAILBOX_FULL": "메일함이 가득 차서 받지 못했습니다. 메일함을 비우거나 다른 이메일 주소로 바꾸어 주세요.",
    # our own fault
    "InvalidAPIKey": ASK_OPERATOR,
    "SignatureDoesNotMatch": ASK_OPERATOR,
    "RequestTimeTooSkewed": ASK_OPERATOR,
    "-401": ASK_OPERATOR,
}


def korean_for(code: str, *, system: str = "") -> str:
    """What to tell the person; a code that nobody foresaw still says what to do.

    `system` is the name of the one that refused: what helps with a card does not help with ZeroPay.
    """
    decline = DECLINES.get(code)
    if system == "zeropay" and decline is not None and decline.of_zeropay:
        return decline.of_zeropay
    return KOREAN.get(
        code, f"요청이 거절되었습니다(코드 {code}). 내용을 확인하고, 계속되면 콜센터에 문의해 주세요."
    )
