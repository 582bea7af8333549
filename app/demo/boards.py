"""Notices and questions of the demonstration, written and published by the programme manager (R-PUB-2)."""

from __future__ import annotations

from datetime import date

from app import clock
from app.demo.papers import paper
from app.demo.stage import Stage, instant
from app.models.posts import Board
from app.workflows import posts

GUIDE = "이용안내.pdf"
# Day, title, body, pinned, whether the guide is attached.
NOTICES = (
    (
        date(2020, 1, 28),
        "2020년 K-비대면 서비스 바우처 수요기업 모집 공고",
        "중소기업의 비대면 업무를 지원하는 K-비대면 서비스 바우처의 수요기업을 모집합니다.\n\n"
        "지원 내용: 기업당 최대 400만 원(정부지원 90%, 기업 부담 10%)\n"
        "신청 방법: 플랫폼에서 회원가입(심사접수)\n"
        "선정 방법: 접수한 순서대로 심사하며, 예산이 끝나면 마감합니다.\n\n"
        "제출 서류와 이용 절차는 첨부한 이용안내를 확인해 주세요.",
        True,
        True,
    ),
    (
        date(2020, 2, 3),
        "공급기업 모집과 서비스 등록 안내",
        "비대면 서비스를 제공하는 공급기업을 모집합니다. 선정된 공급기업은 서비스를 등록하고 승인을 받은 "
        "뒤 판매할 수 있습니다.\n\n서비스를 등록할 때에는 가격을 확인할 수 있는 증빙(홈페이지 가격표, "
        "세금계산서 등)이 필요합니다.",
        False,
        False,
    ),
    (
        date(2020, 9, 21),
        "추석 연휴 거래상담과 심사 일정 안내",
        "9월 30일(수)부터 10월 4일(일)까지는 추석 연휴입니다.\n\n"
        "거래상담의 답변 기한은 영업일로 계산하므로 연휴에는 늘어납니다. 결제 기한은 달력 날짜로 계산하니 "
        "연휴 중에 끝나는 결제요청이 있는지 확인해 주세요.",
        False,
        False,
    ),
    (
        date(2020, 11, 2),
        "선불형카드·법인체크카드 발급 시작",
        "11월부터 신한선불형카드와 신한법인체크카드를 결제수단으로 고를 수 있습니다.\n\n"
        "법인체크카드는 영업점을 방문해 발급받습니다. 카드 발급에 관한 문의는 고객센터에 적힌 "
        "신한카드 전화로 해 주세요.",
        False,
        False,
    ),
    (
        date(2020, 11, 12),
        "11월 정산 일정 안내",
        "공급대금은 사용이 확인된 결제를 모아 정산합니다.\n\n"
        "11월 정산은 13일(금)에 마감하고 승인한 뒤 지급합니다. 정산 계좌가 확인되지 않은 공급기업은 "
        "먼저 계좌를 확인받아 주세요.",
        False,
        False,
    ),
)
DRAFT = (
    "연말 바우처 사용 기한 안내(초안)",
    "12월에 사용 기한이 끝나는 기업이 많습니다. 남은 바우처와 기한을 확인해 주세요.",
)
QUESTIONS = (
    (
        "시연 시각은 무엇인가요?",
        "이 시스템은 시연용입니다. 화면 위의 시연 시각을 앞으로 옮기면 기한이 지난 거래와 바우처가 어떻게 "
        "처리되는지 볼 수 있습니다.",
    ),
)


def write_all(stage: Stage) -> None:
    """Each on its day; one more is still a draft."""
    writer = stage.staff["programme"]
    guide = paper(
        "이용안내", ["1. 회원가입과 심사접수", "2. 심사와 예산확정", "3. 결제수단 발급", "4. 서비스 이용"]
    )
    for day, title, body, pinned, attached in NOTICES:
        with clock.at(instant(day, 9)):
            files = [posts.take_in(file_name=GUIDE, content=guide)] if attached else []
            post = posts.write(
                actor=writer, board=Board.NOTICE, title=title, body=body, is_pinned=pinned, files=files
            )
            posts.publish(actor=writer, post_id=post.id)
    with clock.at(instant(date(2020, 11, 13), 16)):
        for title, body in QUESTIONS:
            post = posts.write(actor=writer, board=Board.FAQ, title=title, body=body)
            posts.publish(actor=writer, post_id=post.id)
        title, body = DRAFT
        files = [posts.take_in(file_name=GUIDE, content=guide)]
        posts.write(actor=writer, board=Board.NOTICE, title=title, body=body, files=files)
    stage.counts["공고"] = len(NOTICES)
