"""Personal data at rest (R-AUD-1): encrypted, found again by a blind index."""

import base64

import pytest
from cryptography.exceptions import InvalidTag

from app import crypto

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(range(1, 33))).decode()


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setattr(crypto, "_key", None)
    crypto.configure(KEY)


@pytest.mark.parametrize("plain", ["01012345678", "", "홍길동 뷁", "가" * 5000])
def test_what_was_encrypted_comes_back_and_does_not_show(plain):
    sealed = crypto.encrypt(plain)
    assert crypto.decrypt(sealed) == plain
    assert not plain or plain.encode() not in sealed


def test_the_same_text_never_looks_the_same_twice():
    assert crypto.encrypt("01012345678") != crypto.encrypt("01012345678")


def test_a_flipped_bit_is_refused():
    sealed = bytearray(crypto.encrypt("110123456789"))
    sealed[-1] ^= 1
    with pytest.raises(InvalidTag):
        crypto.decrypt(bytes(sealed))


def test_another_key_opens_nothing():
    sealed = crypto.encrypt("110123456789")
    crypto.configure(OTHER)
    with pytest.raises(InvalidTag):
        crypto.decrypt(sealed)


def test_blind_index_is_the_same_for_the_same_text_and_depends_on_the_key():
    index = crypto.blind_index("ci-1")
    assert index == crypto.blind_index("ci-1") and len(index) == 32
    assert index != crypto.blind_index("ci-2")
    crypto.configure(OTHER)
    assert index != crypto.blind_index("ci-1")


@pytest.mark.parametrize("bad", ["", "c2hvcnQ=", base64.b64encode(bytes(33)).decode(), "%%%"])
def test_a_key_of_another_length_is_refused(bad):
    with pytest.raises(ValueError):
        crypto.configure(bad)


def test_without_a_key_nothing_is_encrypted(monkeypatch):
    monkeypatch.setattr(crypto, "_key", None)
    with pytest.raises(RuntimeError):
        crypto.encrypt("x")
