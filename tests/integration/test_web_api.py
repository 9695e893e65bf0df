"""The read API on real books and live tables: every route, every refusal, and any id whatever."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_samples import KEY, dead_letter
from page_scenes import DAY_MS, posted
from web_world import ReadSide, read_side, until
from yarl import URL

from hub.roles.web import serve
from hub.runtime.bus import durable_producer
from hub.runtime.database import EVERYTHING
from hub.runtime.http_sources import demo_token, load_http_sources
from hub.runtime.outcomes import outcome_path
from hub.runtime.wire import Inbound
from hub.web.access import Access
from hub.web.problems import RefusedError
from schemas.commands import CheckEligibility
from schemas.errors import ConfigurationError
from schemas.events import Allocation, BillIssued
from schemas.ids import account_id, make_id
from schemas.ledger import CommandSource, LedgerRecord, PersonView
from schemas.reasons import Reason

pytestmark = pytest.mark.timeout(180)
NOBODY = account_id(bytes(32), "person", "nobody")


def link(account: str, command: str) -> str:
    """Return the link of the 202 to a command, without the API's prefix."""
    inbound = Inbound(command, account, "", "HIS@XMZSH", "", CheckEligibility("XMZSH", "outpatient", 1))
    return outcome_path(inbound).removeprefix("/api/v1")


class City:
    """The populated read side, and what was written into it."""

    def __init__(self, side: ReadSide, session: aiohttp.ClientSession) -> None:
        self.side = side
        self.session = session
        self.charged: LedgerRecord
        self.short: LedgerRecord
        self.billed: LedgerRecord
        self.refused: LedgerRecord
        self.forwarded: LedgerRecord
        self.underway: LedgerRecord

    async def get(self, path: str, **headers: str) -> tuple[int, Any, Any]:
        """Return status, decoded body and headers of a GET under the API's prefix."""
        url = URL(f"{self.side.url}/api/v1{path}", encoded=True)
        async with self.session.get(url, headers=headers) as answer:
            content = await answer.read()
            return answer.status, msgspec.json.decode(content) if content else None, answer.headers


@pytest.fixture(scope="module")
async def city(kafka: str, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    """One read side for this module: charges, a bill with a failed debit, a reversal, two dead letters."""
    folder: Path = tmp_path_factory.mktemp("web")
    async with read_side(kafka, postgres, folder) as side, aiohttp.ClientSession() as session:
        made = City(side, session)
        await populate(made)
        await side.settled()
        yield made


def forwarded(made: City, seq: int, **changes: str) -> LedgerRecord:
    """Return a number account's record of a command it passed on to the account `reference`."""
    record, _ = made.side.lanes[0].refusal()
    number = {"account": account_id(bytes(32), "number", "P1"), "seq": seq}
    return msgspec.structs.replace(record, outcome="FORWARDED", reason="", parameters={}, **number, **changes)


async def populate(made: City) -> None:
    """Write the scene."""
    lane, other = made.side.lanes
    made.charged, fact = lane.charge(institution="XMZSH")
    await lane.commit((made.charged, fact))
    made.short, fact = lane.charge(institution="XMDYY", parts=Allocation(credit_fen=10_000, self_pay_fen=37_500))
    await lane.commit((made.short, fact))
    made.billed, fact = lane.bill_of(made.charged)
    await lane.commit((made.billed, fact))
    await lane.commit(*lane.debit_of(made.billed, paid=False))
    made.refused, fact = lane.refusal()
    await lane.commit(lane.reversal_of(made.charged, 20_000), (made.refused, fact))
    made.forwarded = forwarded(made, 1, reference=made.charged.account, command_id=made.charged.command_id)
    made.underway = forwarded(made, 2, reference=NOBODY)
    await lane.commit((made.forwarded, None), (made.underway, None))
    for _ in range(7):
        await other.commit(other.charge(hours=1))
    topic = made.side.settings.topics.dead_letters.name
    async with durable_producer(made.side.settings.kafka, "test") as producer:
        for number in (1, 2, 1):
            await producer.send_and_wait(topic, dead_letter(number), partition=0)

    async def arrived() -> bool:
        letters = (await made.get("/dead-letters"))[1]["items"]
        return sum(each["arrivals"] for each in letters) == 3

    async with asyncio.timeout(60):
        while not await arrived():  # noqa: ASYNC110 - the books are outside this loop
            await asyncio.sleep(0.1)


async def test_a_charge_is_answered_with_its_whole_explanation(city: City):
    """The first worked example: bars and steps agree, sum to the charge and cite their clauses."""
    charge = posted(city.charged).charge
    status, body, _ = await city.get(f"/charges/{charge}")
    assert status == 200
    assert body["allocated"]["total_fen"] == 47_500
    assert body["returned"]["credit_fen"] == 20_000
    assert body["standing"]["total_fen"] == 27_500
    decision = body["decision"]
    assert [(bar["source"], bar["from_fen"], bar["amount_fen"]) for bar in decision["bars"]] == [
        ("account", 0, 10_000),
        ("prepayment", 10_000, 5_000),
        ("credit", 15_000, 32_500),
        ("self_pay", 47_500, 0),
    ]
    assert [decision["steps"][bar["step"]]["taken_fen"] for bar in decision["bars"]] == [10_000, 5_000, 32_500, 0]
    assert [step["rest_fen"] for step in decision["steps"]] == [37_500, 32_500, 0, 0]
    assert decision["steps"][2]["clause"] == "xiamen-platform-2024 tiers[0]"
    assert [each["events"] for each in body["history"]] == [["charge_posted"], ["charge_reduced"]]
    assert [each["amount_fen"] for each in body["history"]] == [47_500, -20_000]
    assert body["lines"][0]["item_name"] == "阿莫西林胶囊"
    assert (await city.get(f"/charges/{charge}/decision"))[1] == decision


async def test_a_step_that_gave_less_says_why_in_both_languages(city: City):
    """CREDIT_EXHAUSTED comes with its amounts, in English and in Chinese."""
    _, body, _ = await city.get(f"/charges/{posted(city.short).charge}")
    reason = body["decision"]["steps"][2]["reason"]
    assert reason["code"] == "CREDIT_EXHAUSTED"
    assert "375.00" in reason["en"]
    assert "375.00 元" in reason["zh"]


async def test_a_bill_shows_its_two_clocks_and_its_attempts(city: City):
    """Closed, failed at +72 h, the next attempt planned, then the term: in order of time."""
    issued = next(event for event in city.billed.events if isinstance(event, BillIssued))
    status, body, _ = await city.get(f"/bills/{issued.bill}")
    assert status == 200
    assert body["debit_at"] - body["closed_at"] == 3 * DAY_MS
    assert [(mark["kind"], mark["planned"], mark["state"]) for mark in body["marks"]] == [
        ("closed", False, ""),
        ("debit", False, "failed"),
        ("retry", True, ""),
        ("term", True, ""),
    ]
    assert body["debits"][0]["cause"] == "nsf"
    assert body["open_fen"] == 32_500
    assert [each["charge"] for each in body["charges"]] == [posted(city.charged).charge]


async def test_a_person_is_answered_masked(city: City):
    """Balances and lists, and no name: what the books hold is masked already."""
    status, body, _ = await city.get(f"/persons/{city.charged.account}")
    assert status == 200
    assert body["name_masked"] == "林*岚"
    assert body["available_fen"] == body["limit_fen"] - body["used_fen"] - body["held_fen"]
    assert body["prepayments"] == {"XMZSH": 5_000}
    assert posted(city.charged).charge in [each["charge"] for each in body["charges"]]
    assert len(body["bills"]) == 1


async def test_lists_come_in_pages_that_neither_repeat_nor_skip(city: City):
    """Three at a time through all charges gives what one page gives."""
    whole = [each["charge"] for each in (await city.get("/charges?limit=50"))[1]["items"]]
    assert len(whole) == 9
    pieces: list[str] = []
    after: str | None = ""
    while after is not None:
        _, page, _ = await city.get(f"/charges?limit=3&after={after}")
        pieces += [each["charge"] for each in page["items"]]
        after = page["next"]
    assert pieces == whole


async def test_institutions_have_their_live_row_and_their_bills(city: City):
    """The risk row is the live table's; bills are counted by state in the books."""
    codes = (await city.get("/institutions"))[1]["items"]
    assert {"XMZSH", "XMDYY"} <= set(codes)
    _, body, _ = await city.get("/institutions/XMZSH")
    assert body["risk"]["debits_failed"] == 1
    assert [(each["state"], each["bills"]) for each in body["bills"]] == [("issued", 1)]
    _, view, _ = await city.get("/views/institution_risk")
    assert body["risk"] in view["rows"]
    assert view["as_of"]["behind"] == []
    assert view["as_of"]["restoring"] is False


async def test_prepayments_under_a_number_without_a_person_are_listed(city: City):
    """A number account with money and no link is found; once it is linked it leaves the list."""
    lane = city.side.lanes[0]
    alone = account_id(KEY, "number", "XMZSH|P1")
    view = PersonView(
        alone, "number", "林**", "", "active", 0, {"XMZSH": 5_000, "XMDYY": 0}, 0, "", "", "", "", 0, 0, 0
    )
    await lane.commit((LedgerRecord(alone, 1, CommandSource(1), lane.now, lane.wall, "POSTED", after=(view,)), None))

    async def listed() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await city.get("/unclaimed-prepayments"))[1]["items"]
        return items

    await until(listed)
    (found,) = await listed()
    assert (found["account"], found["prepayments"], found["total_fen"]) == (alone, {"XMZSH": 5_000}, 5_000)
    linked = msgspec.structs.replace(view, linked_person=NOBODY, prepayments={"XMZSH": 0})
    record = LedgerRecord(alone, 2, CommandSource(2), lane.now, lane.wall, "RECORDED", after=(linked,))
    await lane.commit((record, None))

    async def gone() -> bool:
        return not await listed()

    await until(gone)


async def test_the_report_of_debits_counts_failures_and_their_recovery(city: City):
    """The scene's one debit failed and nothing was tried again: none of one recovered."""
    _, body, _ = await city.get("/reports/debits")
    assert (body["orders"], body["recovered"]["tried"], body["recovered"]["succeeded"]) == (1, 1, 0)
    assert [(group["group"], group["tried"]) for group in body["by_attempt"]] == [("1", 1)]
    assert 0 == body["recovered"]["by_number"]["low"] < body["recovered"]["by_number"]["high"] < 1


async def test_the_heatmap_counts_visits_of_a_department_and_hour(city: City):
    """Every charge of the scene is one visit in one cell."""
    _, view, _ = await city.get("/views/resource_heatmap")
    assert sum(row["visits"] for row in view["rows"]) == 9


async def test_dead_letters_keep_their_bytes_to_themselves(city: City):
    """The list counts arrivals; one letter tells every arrival; the sealed bytes are in neither."""
    status, page, _ = await city.get("/dead-letters?reason=AMOUNT_MISMATCH&interface=mllp")
    assert status == 200
    assert {each["id"]: each["arrivals"] for each in page["items"]} == {"dl-1": 2, "dl-2": 1}
    assert page["items"][0]["reason"]["zh"]
    _, body, _ = await city.get("/dead-letters/dl-1")
    assert [each["reply_sent"] for each in body["arrivals"]] == ["AE", "AE"]
    assert "raw_sealed" not in msgspec.json.encode(body).decode()
    assert (await city.get("/dead-letters?reason=OTHER"))[1] == {"items": [], "next": None}


async def test_dead_letters_are_counted_by_reason_and_source(city: City):
    """Two letters, one of which came twice; all open, the oldest is the first of them."""
    status, body, _ = await city.get("/dead-letter-counts")
    (each,) = body["items"]
    listed = (await city.get("/dead-letters"))[1]["items"]
    assert (status, each["letters"], each["open"], each["arrivals"]) == (200, 2, 2, 3)
    assert each["reason"]["code"] == listed[0]["reason"]["code"]
    assert each["oldest_open_wall_at"] == min(letter["wall_at"] for letter in listed)


async def test_the_link_of_a_202_leads_to_the_outcome(city: City):
    """A booked charge names its id and page, a refusal its reason; what the books do not show yet is PENDING."""
    status, body, _ = await city.get(link(city.charged.account, city.charged.command_id))
    assert (status, body["outcome"], body["reference"]) == (200, "POSTED", posted(city.charged).charge)
    assert body["href"] == f"/charges/{posted(city.charged).charge}"
    _, body, _ = await city.get(link(city.refused.account, city.refused.command_id))
    assert (body["outcome"], body["reason"]["code"], body["href"]) == ("REFUSED", "LINE_CHANGED", "")
    assert "F1" in body["reason"]["en"]
    _, body, _ = await city.get(link(NOBODY, "0" * 32))
    assert (body["outcome"], body["reason"], body["at"]) == ("PENDING", None, None)


async def test_the_outcome_of_a_forwarded_command_is_that_of_the_account_it_came_to(city: City):
    """The link names the number account; the person's account decided. Passed on and not yet decided is PENDING."""
    _, body, _ = await city.get(link(city.forwarded.account, city.forwarded.command_id))
    assert (body["outcome"], body["account"]) == ("POSTED", city.forwarded.reference)
    _, body, _ = await city.get(link(city.underway.account, city.underway.command_id))
    assert (body["outcome"], body["account"]) == ("PENDING", NOBODY)


async def test_anything_is_found_by_a_key_it_carries(city: City):
    """Account, charge, bill, order, line, visit, message id, receipt key: by exact text."""
    event = posted(city.charged)
    issued = next(each for each in city.billed.events if isinstance(each, BillIssued))
    order = make_id(city.charged.account, "D", int(issued.bill[27:], 32))
    keys = {
        city.charged.account: "person",
        event.charge: "charge",
        issued.bill: "bill",
        order: "debit",
        event.lines[0].line_key: "line",
        city.charged.command_id: "message",
        "r-1": "dead_letter",
    }
    for key, kind in keys.items():
        _, body, _ = await city.get(f"/find/{quote(key, safe='')}")
        assert kind in [each["kind"] for each in body["items"]], key
    kinds = {each["kind"] for each in (await city.get(f"/find/{event.visit}"))[1]["items"]}
    assert kinds == {"visit", "bill"}
    assert (await city.get("/find/nothing-has-this"))[1]["items"] == []


async def test_a_citizen_id_is_no_key_of_a_url(city: City):
    """An id number in an address is refused, not looked up: it would stand in logs."""
    status, body, _ = await city.get("/find/35020019900101001X")
    assert (status, body["code"]) == (400, "PARAM_INVALID")


async def test_an_unchanged_answer_is_not_sent_again(city: City):
    """The ETag of an answer, sent back, gives 304 without a body."""
    path = f"/charges/{posted(city.charged).charge}"
    _, _, headers = await city.get(path)
    status, body, again = await city.get(path, **{"If-None-Match": headers["ETag"]})
    assert (status, body, again["ETag"]) == (304, None, headers["ETag"])
    assert (await city.get(path, **{"If-None-Match": '"other"'}))[0] == 200


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"/persons/{NOBODY}", 404, "NOT_FOUND"),
        (f"/charges/{make_id(NOBODY, 'C', 1)}", 404, "NOT_FOUND"),
        (f"/charges/{make_id(NOBODY, 'C', 1)}/decision", 404, "NOT_FOUND"),
        (f"/bills/{make_id(NOBODY, 'B', 1)}", 404, "NOT_FOUND"),
        ("/institutions/NOWHERE", 404, "NOT_FOUND"),
        ("/dead-letters/none", 404, "NOT_FOUND"),
        ("/outcomes/none", 400, "PARAM_INVALID"),
        (f"/outcomes/{NOBODY}-", 400, "PARAM_INVALID"),
        ("/views/none", 404, "NOT_FOUND"),
        ("/nothing", 404, "NOT_FOUND"),
        ("/persons/short", 400, "PARAM_INVALID"),
        ("/charges?limit=0", 400, "PARAM_INVALID"),
        ("/charges?limit=51", 400, "PARAM_INVALID"),
        ("/charges?limit=%D9%A1", 400, "PARAM_INVALID"),
        ("/charges?after=x", 400, "PARAM_INVALID"),
        ("/charges?after=bnVsbA", 400, "PARAM_INVALID"),
        ("/charges?limit=1&limit=2", 400, "PARAM_DUPLICATE"),
        ("/live?views=none", 400, "PARAM_INVALID"),
        ("/dead-letters?reason=%00", 400, "PARAM_INVALID"),
    ],
)
async def test_a_refusal_is_a_problem_document_with_its_code(city: City, path: str, status: int, code: str):
    """RFC 9457 with our code, a sentence in the caller's language, and whether to try again."""
    got, body, headers = await city.get(path, **{"Accept-Language": "zh-CN,en;q=0.5"})
    assert (got, body["code"]) == (status, code)
    assert headers["Content-Type"] == "application/problem+json"
    assert body["type"] == f"/docs/errors/{code}"
    assert body["retriable"] is False
    assert any("\u4e00" <= letter <= "\u9fff" for letter in body["detail"])


async def test_other_methods_are_refused(city: City):
    """The read API only reads."""
    async with city.session.post(f"{city.side.url}/api/v1/charges") as answer:
        body = await answer.json(content_type=None)
        assert (answer.status, body["code"]) == (405, "METHOD")
        assert "GET" in answer.headers["Allow"]


async def test_a_token_limits_what_is_seen_to_its_institution(city: City):
    """A hospital's token reads its own charges, no other's, and no figures of the whole city."""
    mine = {"Authorization": f"Bearer {demo_token('FHIR@XMZSH')}"}
    assert (await city.get(f"/charges/{posted(city.charged).charge}", **mine))[0] == 200
    assert (await city.get(f"/charges/{posted(city.short).charge}", **mine))[0] == 404
    _, page, _ = await city.get("/charges", **mine)
    assert {each["institution"] for each in page["items"]} == {"XMZSH"}
    assert (await city.get("/views/institution_risk", **mine))[1]["code"] == "NOT_PERMITTED"
    assert (await city.get("/live", **mine))[1]["code"] == "NOT_PERMITTED"
    status, body, headers = await city.get("/charges", Authorization="Bearer wrong")
    assert (status, body["code"], headers["WWW-Authenticate"]) == (401, "AUTH", "Bearer")


async def test_every_answer_carries_the_page_policy(city: City):
    """The security headers are on API, page, refusals and health alike."""
    for path in ("/api/v1/charges", "/", "/nothing", "/readyz", "/docs/errors/NOT_FOUND"):
        async with city.session.get(city.side.url + path) as answer:
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'"), path
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_each_code_has_its_page(city: City):
    """What a problem document's type names is served, in both languages."""
    async with city.session.get(f"{city.side.url}/docs/errors/AMOUNT_MISMATCH?lang=zh") as answer:
        text = await answer.text()
    assert answer.status == 200
    assert "请更正后重发" in text
    async with city.session.get(f"{city.side.url}/docs/errors/NO_SUCH_CODE") as answer:
        assert answer.status == 404


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=st.sampled_from(
        ["/persons/{}", "/persons/{}/bills", "/charges/{}", "/charges/{}/decision", "/bills/{}", "/institutions/{}",
         "/dead-letters/{}", "/find/{}", "/views/{}", "/charges?after={}", "/charges?limit={}", "/live?views={}",
         "/dead-letters?interface={}", "/outcomes/{}", f"/outcomes/{NOBODY}-{{}}"]
    ),
    text=st.one_of(
        st.text(min_size=1, max_size=40),
        st.binary(min_size=1, max_size=30).map(lambda raw: raw.decode("latin-1")),
        st.sampled_from([NOBODY, NOBODY + "C00001", "../../etc", "%", "%00", "'; DROP TABLE x; --", "𠮷", "\ud800"]),
        st.text(alphabet="0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=26, max_size=32),
    ),
)  # fmt: skip
async def test_no_id_whatever_breaks_a_route(city: City, route: str, text: str):
    """Any text in any place gives an answer with a code, never a 500, and never hangs."""
    path = route.format(quote(text.encode("utf-8", "surrogatepass"), safe=""))
    url = URL(f"{city.side.url}/api/v1{path}", encoded=True)
    async with asyncio.timeout(60), city.session.get(url) as answer:
        if answer.status == 200 and answer.headers["Content-Type"] == "text/event-stream":
            return
        body = await answer.read()
        assert answer.status in (200, 400, 404), (path, answer.status, body)
        if answer.status != 200 and answer.headers["Content-Type"] == "application/problem+json":
            assert msgspec.json.decode(body)["code"]


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1", 431),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 17_000, 431),
        (b"GET / HTTP/1.1\r\n" + b"\r\n".join(b"X%d: %s" % (n, b"a" * 60) for n in range(300)), 431),
        (b"GET /assets/" + b"a" * 300 + b" HTTP/1.1", 404),
        (b"GET /assets/..%2f..%2fapp.py HTTP/1.1", 404),
        (b"GET /api/v1/bills/\xff HTTP/1.1", 400),
        (b"GET /\xff\xfe HTTP/1.1", 400),
        (b"GET /\x00 HTTP/1.1", 400),
        (b"\x16\x03\x01", 400),
    ],
)
async def test_row_107_a_head_out_of_form_is_refused_with_an_empty_body(city: City, request_line: bytes, status: int):
    """431 for a head that is too long, 400 for one that is none, both empty; 404 for an address there is none of."""
    url = URL(city.side.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(request_line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert int(head.split(b" ", 2)[1]) == status
    assert body == b"" if status in (400, 431) else msgspec.json.decode(body)["code"] == "NOT_FOUND"


def test_outside_the_demo_nobody_is_answered_without_a_token():
    """Without credentials the demo answers all, production nobody."""
    sources, request = load_http_sources(), make_mocked_request("GET", "/api/v1/charges")
    assert Access(sources, open_to_all=True).scope(request) == EVERYTHING
    with pytest.raises(RefusedError) as refused:
        Access(sources, open_to_all=False).scope(request)
    assert refused.value.reason == Reason.AUTH


async def test_production_does_not_start_with_public_tokens(city: City):
    """The demo's tokens are known to everyone: the production profile refuses to serve with them."""
    strict = city.side.settings.model_copy(update={"profile": "production"})
    with pytest.raises(ConfigurationError, match="public token"):
        async with serve(strict):
            pass
