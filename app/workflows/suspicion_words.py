"""What a signal of suspicion says, in Korean sentences for whoever decides (R-SET-4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.models.suspicion import SignalKind

ALIKE = {
    "number": "사업자등록번호가 같습니다.",
    "person": "본인인증으로 확인된 대표자가 같은 사람입니다.",
    "phone": "수요기업의 휴대전화와 공급기업의 전화번호가 같습니다.",
    "email": "전자우편 주소가 같습니다.",
    "holder": "공급기업 정산 계좌의 예금주가 수요기업이거나 그 대표자입니다.",
    "representative": "대표자 이름이 같습니다. 동명이인일 수 있습니다.",
}
ALONE = "주소만 같은 것으로는 의심하지 않습니다. 같은 건물을 쓰는 기업일 수 있습니다."


def sentences(kind: SignalKind, evidence: Mapping[str, Any]) -> list[str]:
    """Each stands for one thing that was found."""
    return _OF[kind](evidence)


def _lookalike(found: Mapping[str, Any]) -> list[str]:
    return [ALIKE[what] for what in found["alike"]]


def _fast(found: Mapping[str, Any]) -> list[str]:
    return [
        f"결제수단을 발급받고 {found['minutes']}분 안에 바우처 {found['granted']:,}원 가운데 "
        f"{found['amount']:,}원을 {found['payments']}건으로 썼습니다."
    ]


def _address(found: Mapping[str, Any]) -> list[str]:
    said = ["두 기업의 사업장 주소가 같습니다."] if found["postal"] else []
    if found["network"]:
        said.append("두 기업의 담당자가 최근 30일 안에 같은 인터넷 주소에서 접속했습니다.")
    return [*said, ALONE]


def _round_trip(found: Mapping[str, Any]) -> list[str]:
    return [
        "이 공급기업과 대표자나 사업자가 같은 수요기업이, 이 수요기업과 같은 공급기업에서 "
        f"{found['amount']:,}원을 결제했습니다."
    ]


def _reported(found: Mapping[str, Any]) -> list[str]:
    return [f"이 거래의 기업에 대한 부정 신고가 {len(found['reports'])}건 있습니다."]


_OF = {
    SignalKind.LOOKALIKE: _lookalike,
    SignalKind.FAST: _fast,
    SignalKind.ADDRESS: _address,
    SignalKind.ROUND_TRIP: _round_trip,
    SignalKind.REPORTED: _reported,
}
