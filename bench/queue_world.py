"""Half a million applications of four agencies, as SQL makes them: the reviewers' queue at its longest."""

from __future__ import annotations

import re

from app import crypto
from bench.world import NOW, World

COMPANIES = 500_000
COMMON, RARE = "한빛", "뛟쀍"
"""Two letters that about 2 % of the names hold, and two that one name holds."""

# Fifty first words, each in one name of fifty; second words by syllable, so that their pairs are rare.
FIRST = (
    f"{COMMON},가온,나래,다솜,라온,마루,바름,사랑,아라,자람,차오,카리,타래,파란,하늘,그린,네오,도담,로운,모아,"
    "보람,소담,오름,조은,초원,코아,토담,포근,호수,구름,누리,두리,루미,무한,부영,수목,우리,주원,추진,쿠키,"
    "투게,푸른,후원,기원,니온,디엠,리본,미래,비전,시원"
)
TRADES = "테크,소프트,시스템,정보,통신,교육,디자인,물산,산업,상사"
SURNAMES = "김,이,박,최,정,강,조,윤,장,임,한,오,서,신,권,황,안,송,류,전"
STATES = "screening,screening,screening,screening,approved,approved,approved,screened,on_hold,rejected"
REVIEWERS = 10
RECEIPT = re.compile(r"2020-\d{7}")


def _dice(key: str, salt: int, sides: int) -> str:
    """SQL of a number between 0 and sides - 1 out of the row's own, the same in every run."""
    return f"(abs(hashint8extended({key}, {salt}) %% {sides}))::int"


ACCOUNTS = """
INSERT INTO account (login, name, role, agency_id, email, is_active, opens_by_code_only, failures, created_at)
SELECT 'staff' || a.id || '-' || n, '심사' || a.id || '-' || n,
       CASE WHEN a.is_lead THEN 'budget_officer' WHEN n = 0 THEN 'manager' ELSE 'reviewer' END, a.id,
       's' || n || '@example.kr', true, false, 0, %(now)s
  FROM agency a, generate_series(0, CASE WHEN a.is_lead THEN 0 ELSE %(reviewers)s END) n
"""
COMPANY = f"""
INSERT INTO company (programme_id, agency_id, name, kind, business_number, representative, phone, email,
                     address, industry, contact_name, contact_email, payment_contact_name, tax_office_state,
                     joined_at)
SELECT %(programme)s, agencies[1 + n %% 4],
       CASE WHEN n %% 5 < 3 THEN '주식회사 ' ELSE '' END
         || CASE WHEN n = %(rare_row)s THEN %(rare)s
            ELSE firsts[1 + {_dice("n", 1, 50)}] || chr(44032 + 28 * {_dice("n", 2, 399)})
              || chr(44033 + 28 * {_dice("n", 3, 399)}) END
         || trades[1 + {_dice("n", 4, 10)}],
       CASE WHEN n %% 3 = 0 THEN 'sole' ELSE 'corporate' END, (1000000000 + n)::text,
       surnames[1 + {_dice("n", 5, 20)}] || chr(44034 + 28 * {_dice("n", 6, 399)})
         || chr(44036 + 28 * {_dice("n", 7, 399)}),
       %(phone)s, 'c' || n || '@example.kr', '서울특별시 강남구 테헤란로 ' || n, '소프트웨어 개발', '담당자',
       'c' || n || '@example.kr', '담당자', CASE WHEN n %% 50 = 0 THEN NULL ELSE '계속사업자' END, %(now)s
  FROM generate_series(1, %(companies)s) n,
       (SELECT array_agg(id ORDER BY id) agencies FROM agency WHERE NOT is_lead) a,
       (SELECT string_to_array(%(firsts)s, ',') firsts, string_to_array(%(trades)s, ',') trades,
               string_to_array(%(surnames)s, ',') surnames) words
"""
APPLICATION = f"""
INSERT INTO application (receipt_number, programme_id, company_id, agency_id, state, created_at, submitted_at,
                         assigned_to_id, flagged_at, marks)
SELECT '2020-' || to_char(n, 'FM0000000'), programme_id, n, agency_id, state, entered, entered,
       CASE WHEN {_dice("n", 8, 10)} < 7 THEN reviewers[1 + {_dice("n", 11, REVIEWERS)}] END,
       CASE WHEN state IN ('screened', 'approved') AND n %% 100 < 2
            THEN %(now)s - {_dice("n", 12, 604_800)} * interval '1 second' END,
       '[]'
  FROM (SELECT c.id n, c.programme_id, c.agency_id, states[1 + {_dice("c.id", 9, 10)}] state, reviewers,
               %(now)s - {_dice("c.id", 10, 90 * 86_400)} * interval '1 second' entered
          FROM company c
          JOIN (SELECT agency_id, array_agg(id ORDER BY id) reviewers FROM account
                 WHERE role = 'reviewer' GROUP BY agency_id) r ON r.agency_id = c.agency_id,
               (SELECT string_to_array(%(states)s, ',') states) s) drawn
"""
ROUNDS = """
INSERT INTO screening_round (application_id, agency_id, programme_id, number, entered_at, decided_at,
                             decision)
SELECT a.id, agency_id, programme_id, number, submitted_at - (rounds - number) * interval '5 days',
       CASE WHEN number < rounds THEN submitted_at - interval '1 day'
            WHEN a.state <> 'screening' THEN submitted_at + interval '1 day' END,
       CASE WHEN number < rounds THEN 'hold' WHEN a.state <> 'screening' THEN 'screen' END
  FROM application a, LATERAL (SELECT CASE WHEN a.id %% 11 = 0 THEN 2 ELSE 1 END rounds) r,
       generate_series(1, rounds) number
"""


def load(world: World, companies: int = COMPANIES) -> None:
    """Companies evenly over the agencies, four of ten waiting, seven of ten in somebody's hands."""
    values = {
        "now": NOW,
        "programme": world.programme_id,
        "phone": crypto.encrypt("01000000000"),
        "companies": companies,
        "reviewers": REVIEWERS,
        "rare": RARE,
        "rare_row": companies // 2,
        "firsts": FIRST,
        "trades": TRADES,
        "surnames": SURNAMES,
        "states": STATES,
    }
    for statement in (ACCOUNTS, COMPANY, APPLICATION, ROUNDS):
        world.owner.execute(statement, values)
    world.settle()
