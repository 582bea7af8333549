"""What the steps of a supplier's joining ask. What the rules say about it is the workflow's."""

from __future__ import annotations

from wtforms import RadioField, SelectField, StringField, TextAreaField

from app.models.companies import CompanyKind
from app.web.forms import BaseForm, BusinessNumberField, PhoneField, Required, TolerantField, longest
from app.workflows.slip_snapshots import BANKS


class SupplierDetailsForm(BaseForm):
    kind = RadioField("기업구분", [Required()], choices=[(each.value, each.label) for each in CompanyKind])
    business_number = BusinessNumberField("사업자등록번호", [Required()])
    name = StringField("기업명", [Required(), longest(100)], render_kw={"autocomplete": "organization"})
    representative = StringField("대표자명", [Required(), longest(50)])
    phone = PhoneField("대표 전화", [Required()], mobile=False)
    email = StringField("이메일", [Required(), longest(100)], render_kw={"autocomplete": "email"})
    address = StringField("주소", [Required(), longest(200)], render_kw={"autocomplete": "street-address"})
    introduction = TextAreaField("기업 소개", [Required(), longest(4000)])


class SettlementAccountForm(BaseForm):
    """정산 계좌. The number that was typed is put back only while the page refuses it."""

    bank_code = SelectField("은행", [Required()], choices=[("", "은행을 선택해 주세요"), *BANKS.items()])
    account_number = TolerantField("계좌번호", [Required()])
    account_holder = StringField("예금주", [Required(), longest(100)])
