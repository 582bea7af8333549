"""Why a payment or a cancellation does not come about: what happened, and what the person can do now.

The codes are those of the Korean payment gateways. docs/declines.md is made from this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

CARD = "신한카드(1544-7000)"
ZEROPAY = "제로페이(1670-0582)"
CALL_CENTRE = "콜센터(02-6093-3500)"
ASK_OPERATOR = "외부 기관과의 연결 설정에 문제가 있습니다. 콜센터에 문의해 주세요."
PAY_LATER = "잠시 뒤 다시 결제해 주세요."
FROM_THE_START = "'다시 결제'를 눌러 처음부터 진행해 주세요."


class Then(Enum):
    """What the platform does with it, for the documentation."""

    FAILED = (
        "결제실패. The held money goes back to the voucher; the bill can be paid again until its deadline"
    )
    CODE = "결제실패, as above; the code of the same message may be typed again"
    KEPT = "the payment stays 결제성공, and both sides are told why it was not cancelled"
    ASKED = "nothing is believed; the outcome is asked for at the gateway until it is known"
    OURS = "the call is refused, and an operator corrects keys or addresses"


@dataclass(frozen=True)
class Decline:
    korean: str
    then: Then = Then.FAILED
    of_zeropay: str = ""
    """Where a person who pays with ZeroPay has something else to do."""


DECLINES: dict[str, Decline] = {
    # the instrument
    "INVALID_REJECT_CARD": Decline(
        f"카드사에서 이 카드의 사용을 거절했습니다. {CARD}에 이유를 확인한 뒤 다시 결제해 주세요.",
        of_zeropay=f"제로페이에서 사용을 거절했습니다. {ZEROPAY}에 이유를 확인한 뒤 다시 결제해 주세요.",
    ),
    "INVALID_CARD_EXPIRATION": Decline(
        "카드 유효기간이 맞지 않습니다. 카드 앞면의 월/년을 확인하고 다시 결제해 주세요.",
        of_zeropay=f"상품권의 유효기간이 맞지 않습니다. {ZEROPAY}에 확인한 뒤 다시 결제해 주세요.",
    ),
    "INVALID_STOPPED_CARD": Decline(
        f"사용이 정지된 카드입니다. {CARD}에 정지 해제를 요청한 뒤 다시 결제해 주세요.",
        of_zeropay=f"사용이 정지된 상품권입니다. {ZEROPAY}에 정지 해제를 요청한 뒤 다시 결제해 주세요.",
    ),
    "INVALID_CARD_LOST_OR_STOLEN": Decline(
        f"분실 또는 도난 신고된 카드입니다. {CARD}에서 다시 발급받은 뒤 결제해 주세요.",
        of_zeropay=f"분실 또는 도난 신고된 상품권입니다. {ZEROPAY}에 신고를 해제한 뒤 다시 결제해 주세요.",
    ),
    "INVALID_CARD_NUMBER": Decline(
        "카드번호가 맞지 않습니다. 카드 앞면의 숫자 16자리를 확인하고 다시 결제해 주세요.",
        of_zeropay=f"등록되지 않은 상품권입니다. {ZEROPAY}에 확인한 뒤 다시 결제해 주세요.",
    ),
    # limits and money
    "EXCEED_MAX_DAILY_PAYMENT_COUNT": Decline(
        f"오늘 결제할 수 있는 횟수를 넘었습니다. 내일 다시 결제하거나 {CARD}에 문의해 주세요.",
        of_zeropay=f"오늘 결제할 수 있는 횟수를 넘었습니다. 내일 다시 결제하거나 {ZEROPAY}에 문의해 주세요.",
    ),
    "EXCEED_MAX_PAYMENT_AMOUNT": Decline(
        f"하루 결제 한도를 넘었습니다. {CARD}에서 한도를 올린 뒤 다시 결제해 주세요.",
        of_zeropay=f"하루 결제 한도를 넘었습니다. {ZEROPAY}에서 한도를 올린 뒤 다시 결제해 주세요.",
    ),
    "BELOW_MINIMUM_AMOUNT": Decline(
        "결제할 수 있는 최소 금액보다 적어 결제되지 않았습니다. 공급기업에 청구 금액을 확인해 주세요."
    ),
    "REJECT_CARD_PAYMENT": Decline(
        f"한도 초과 또는 잔액 부족으로 결제되지 않았습니다. 계좌 잔액을 확인하거나 {CARD}에서 한도를 "
        "확인한 뒤 다시 결제해 주세요.",
        of_zeropay="한도 초과 또는 잔액 부족으로 결제되지 않았습니다. '바우처 신청'의 가상계좌로 "
        f"자부담금을 입금하거나 {ZEROPAY}에서 한도를 확인한 뒤 다시 결제해 주세요.",
    ),
    "REJECT_CARD_COMPANY": Decline(
        f"카드사에서 결제를 거절했습니다. {CARD}에 이유를 확인한 뒤 다시 결제해 주세요.",
        of_zeropay=f"제로페이에서 결제를 거절했습니다. {ZEROPAY}에 이유를 확인한 뒤 다시 결제해 주세요.",
    ),
    "NOT_ENOUGH_BALANCE": Decline(
        "계좌 잔액이 부족합니다. 카드에 연결한 계좌에 입금한 뒤 다시 결제해 주세요.",
        of_zeropay="상품권 잔액이 부족합니다. '바우처 신청'의 가상계좌로 자부담금을 입금한 뒤 "
        "다시 결제해 주세요.",
    ),
    # what was typed
    "INVALID_PASSWORD": Decline(
        f"결제 비밀번호가 맞지 않습니다. 비밀번호를 확인하고 다시 결제하거나 {CARD}에 문의해 주세요.",
        of_zeropay="결제 비밀번호가 맞지 않습니다. 비밀번호를 확인하고 다시 결제하거나, 잊었으면 "
        f"{ZEROPAY}에 문의해 주세요.",
    ),
    "INVALID_AUTH_CODE": Decline(
        "인증번호가 맞지 않습니다. 문자로 받은 여섯 자리를 다시 입력해 주세요.", Then.CODE
    ),
    "EXCEED_MAX_AUTH_COUNT": Decline(f"인증번호를 여러 번 잘못 입력했습니다. {FROM_THE_START}"),
    "INVALID_REQUEST": Decline(
        "입력한 내용이 받아들여지지 않았습니다. 내용을 확인하고 다시 시도해 주세요. 계속되면 "
        f"{CALL_CENTRE}에 문의해 주세요."
    ),
    # the press itself
    "EXPIRED": Decline(f"결제 시간이 지나 결제되지 않았습니다. {FROM_THE_START}"),
    "ABORTED": Decline(f"결제가 중단되어 돈이 나가지 않았습니다. {FROM_THE_START}"),
    "PAY_PROCESS_CANCELED": Decline("결제 창에서 취소했습니다. 결제하려면 '다시 결제'를 눌러 주세요."),
    "NOT_FOUND_PAYMENT": Decline(f"결제 내역을 찾을 수 없습니다. {FROM_THE_START}"),
    "NOT_FOUND_PAYMENT_SESSION": Decline(f"결제 시간이 지나 결제되지 않았습니다. {FROM_THE_START}"),
    "ALREADY_PROCESSED_PAYMENT": Decline(
        "이미 처리된 결제입니다. '서비스 결제 관리'에서 결과를 확인해 주세요.", Then.ASKED
    ),
    # the gateway
    "PROVIDER_ERROR": Decline(f"결제 기관의 일시적인 오류로 결제되지 않았습니다. {PAY_LATER}"),
    "FAILED_INTERNAL_SYSTEM_PROCESSING": Decline(f"결제 기관의 오류로 결제되지 않았습니다. {PAY_LATER}"),
    "UNKNOWN_PAYMENT_ERROR": Decline(f"결제 기관에 알 수 없는 오류가 나 결제되지 않았습니다. {PAY_LATER}"),
    "IDEMPOTENT_REQUEST_PROCESSING": Decline(
        "먼저 누른 결제를 처리하고 있습니다. '서비스 결제 관리'에서 결과를 확인해 주세요.", Then.ASKED
    ),
    # cancellation
    "NOT_CANCELABLE_PAYMENT": Decline(
        f"취소할 수 없는 결제라서 결제가 그대로 남아 있습니다. {CALL_CENTRE}에 문의해 주세요.", Then.KEPT
    ),
    "NOT_CANCELABLE_AMOUNT": Decline(
        f"취소할 수 있는 금액을 넘어 취소되지 않았습니다. {CALL_CENTRE}에 문의해 주세요.", Then.KEPT
    ),
    "EXCEED_MAX_REFUND_DUE": Decline(
        f"결제 기관의 환불 기간이 지나 취소되지 않았습니다. {CALL_CENTRE}에 문의해 주세요.", Then.KEPT
    ),
    "NOT_ALLOWED_PARTIAL_REFUND": Decline(
        f"일부만 취소할 수 없는 결제라서 취소되지 않았습니다. {CALL_CENTRE}에 문의해 주세요.", Then.KEPT
    ),
    "REFUND_REJECTED": Decline(
        f"결제 기관에서 취소를 거절했습니다. {CALL_CENTRE}에 문의해 주세요.", Then.KEPT
    ),
    "FORBIDDEN_CONSECUTIVE_REQUEST": Decline(
        "같은 요청이 잇달아 들어와 처리되지 않았습니다. 잠시 뒤 다시 시도해 주세요.", Then.KEPT
    ),
    "NOT_AVAILABLE_BANK": Decline(
        "은행 서비스 시간이 아니라서 취소되지 않았습니다. 은행이 여는 시간에 다시 취소해 주세요.", Then.KEPT
    ),
    "ALREADY_CANCELED_PAYMENT": Decline(
        "이미 취소된 결제입니다. '서비스 결제 관리'에서 결과를 확인해 주세요.", Then.ASKED
    ),
    "ALREADY_REFUND_PAYMENT": Decline(
        "이미 환불된 결제입니다. '서비스 결제 관리'에서 결과를 확인해 주세요.", Then.ASKED
    ),
    # our own fault
    "UNAUTHORIZED_KEY": Decline(ASK_OPERATOR, Then.OURS),
    "INVALID_API_KEY": Decline(ASK_OPERATOR, Then.OURS),
    "INVALID_IDEMPOTENCY_KEY": Decline(ASK_OPERATOR, Then.OURS),
    "IDEMPOTENCY_KEY_MISMATCH": Decline(ASK_OPERATOR, Then.OURS),
}
