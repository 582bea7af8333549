"""'나중에 하기': a half-filled sign-up leaves a shared computer, and nothing of it is lost (R-JOIN-8)."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.integration.portal.applicant import text, upload
from tests.integration.portal.newcomer import Newcomer, make_newcomer, step_of
from tests.integration.workflows.joining import PASSWORD

OWN_FORM = ("account", "details", "contact", "documents", "instrument")


def away(newcomer: Newcomer, location: str, kept: str) -> str:
    """What the page says after it, with the sign-up gone from this browser."""
    assert location == (f"/signup/later?kept={kept}" if kept else "/signup/later")
    with newcomer.browser.session_transaction() as session:
        assert not [key for key in session if key.startswith("signup")]
    assert "이어서 작성하기" not in text(newcomer.browser.get("/signup"))
    return text(newcomer.browser.get(location))


def back(site: Flask, newcomer: Newcomer) -> Newcomer:
    """The same person on another device, as the page told them."""
    other = make_newcomer(site, newcomer.agency, newcomer.sandbox)
    other.person, other.n = newcomer.person, newcomer.n
    assert step_of(other.up_to("verify").verify()) == "earlier"
    other.post("earlier")
    other.token = newcomer.token
    return other


@pytest.mark.parametrize("step", (*OWN_FORM, "check"))
def test_every_step_after_the_verification_can_be_put_off(newcomer: Newcomer, step: str) -> None:
    """By its own form, with what is typed there; where nothing is typed, by a form of its own."""
    page = newcomer.up_to(step).get(step)
    assert "나중에 하기" in page
    assert ('name="pause"' in page) == (step in OWN_FORM)
    assert (f"/signup/{newcomer.token}/later" in page) == (step not in OWN_FORM)
    told = away(newcomer, newcomer.post("later").location, "")
    assert "본인인증" in told and "90일이 지나면" in told and newcomer.token not in told
    assert step_of(newcomer.browser.get(newcomer.url(step))) == "verify"


@pytest.mark.parametrize("step", ["terms", "verify"])
def test_before_it_there_is_nothing_to_take_up(newcomer: Newcomer, step: str) -> None:
    assert "나중에 하기" not in newcomer.up_to(step).get(step)


def test_a_finished_step_is_kept_as_by_its_own_button(site: Flask, newcomer: Newcomer) -> None:
    newcomer.up_to("account")
    login = f"newcomer-{newcomer.n}"
    left = newcomer.post("account", login=login, password=PASSWORD, again=PASSWORD, pause="1")
    assert "모두 저장했습니다" in away(newcomer, left.location, "all")
    assert f"정한 아이디: <strong>{login}</strong>" in back(site, newcomer).get("account")


def test_half_a_step_comes_back_without_what_was_wrong(site: Flask, newcomer: Newcomer) -> None:
    """What has the right form stays; a step half done does not pass for done."""
    newcomer.up_to("details")
    left = newcomer.details(name="반쯤 쓴 상사", business_number="123", address="", pause="1")
    assert "올바르게 입력한 내용을 저장했습니다" in away(newcomer, left.location, "part")
    other = back(site, newcomer)
    assert step_of(other.browser.get(f"/signup/{newcomer.token}")) == "details"
    page = other.get("details")
    assert 'value="반쯤 쓴 상사"' in page and 'value="123"' not in page
    other.details()
    assert "반쯤 쓴 상사" not in other.get("details")


def test_a_change_left_half_is_not_passed_over(site: Flask, newcomer: Newcomer) -> None:
    """Everything was done, and one step is being changed: the person comes back to that one."""
    newcomer.up_to("check")
    newcomer.details(name="바꾸던 상사", business_number="123", pause="1")
    other = back(site, newcomer)
    assert step_of(other.browser.get(f"/signup/{newcomer.token}")) == "details"
    assert 'value="바꾸던 상사"' in other.get("details")


def test_a_phone_and_a_password_never_lie_in_a_draft(site: Flask, newcomer: Newcomer) -> None:
    """R-AUD-1: a draft is plain text."""
    newcomer.up_to("contact")
    typed = {"contact_name": "김담당", "contact_phone": "01098765432", "contact_email": "x"}
    left = newcomer.contact(same_as_representative="", pause="1", **typed)
    away(newcomer, left.location, "part")
    page = back(site, newcomer).get("contact")
    assert 'value="김담당"' in page and "98765432" not in page


def test_nothing_good_typed_is_said_so(newcomer: Newcomer) -> None:
    newcomer.up_to("account")
    left = newcomer.post("account", login="", password="x", again="y", pause="1")
    assert "입력하던 내용은 저장하지 못했습니다" in away(newcomer, left.location, "none")


def test_papers_that_were_chosen_are_handed_in(site: Flask, newcomer: Newcomer) -> None:
    """Also when others are still to come."""
    newcomer.up_to("documents")
    left = newcomer.post("documents", tax_clearance=upload(name="완납.pdf"), pause="1")
    away(newcomer, left.location, "all")
    assert "완납.pdf" in back(site, newcomer).get("documents")


def test_a_company_that_cannot_join_may_put_it_off_too(newcomer: Newcomer) -> None:
    """R-JOIN-7a: its page is no dead end on a shared computer."""
    newcomer.up_to("details")
    answer = newcomer.details(industry="유흥주점업")
    assert step_of(answer) == "eligibility"
    page = text(newcomer.browser.get(answer.location))
    assert f'action="/signup/{newcomer.token}/later"' in page
    away(newcomer, newcomer.details(industry="유흥주점업", pause="1").location, "all")
