from app.web.files import disposition


def test_a_korean_name_becomes_a_header_that_a_server_can_send() -> None:
    value = disposition("inline", '전표 "2020"/7.pdf')
    assert value == "inline; filename*=UTF-8''%EC%A0%84%ED%91%9C%20%222020%22%2F7.pdf"
    assert value.isascii()
