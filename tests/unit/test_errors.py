"""A refusal is an answer: code, Korean sentence, HTTP status, and the fields that it speaks of."""

import pytest

from app.errors import Conflict, Denied, InvalidInput, NotFound, Refusal


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Refusal("x.y", "안 됩니다."), 409),
        (Conflict("x.state", "상태가 다릅니다."), 409),
        (InvalidInput("x.input", "입력을 확인해 주세요."), 422),
        (Denied(), 403),
        (NotFound(), 404),
    ],
)
def test_each_refusal_has_its_status_and_is_caught_as_refusal(refusal, status):
    assert refusal.status == status
    with pytest.raises(Refusal) as caught:
        raise refusal
    assert str(caught.value) == f"{refusal.code}: {refusal.text}"


def test_denied_and_not_found_speak_korean_without_being_told():
    assert (Denied().code, Denied().text) == ("denied", "이 작업을 할 권한이 없습니다.")
    assert (NotFound().code, NotFound().text) == ("not_found", "찾으시는 내용이 없습니다.")


def test_fields_name_what_was_typed_and_are_empty_otherwise():
    assert InvalidInput("x", "y", fields={"phone": "번호를 확인해 주세요."}).fields == {
        "phone": "번호를 확인해 주세요."
    }
    assert Refusal("x", "y").fields == {}
