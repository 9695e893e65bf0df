"""The page's built files, and the generated document of the API it reads."""

import gzip
import re
from typing import get_args, get_type_hints

import msgspec
import pytest

import schemas.events
from hub.web import openapi
from hub.web.books.charges import bars_of
from hub.web.page_build import UI
from hub.web.site import CSP, PAGES, STATIC
from schemas.commands import Cause, Channel, Interface, Scene
from schemas.dead_letters import DeadLetterInterface
from schemas.events import Allocation
from schemas.ledger import BillView, DebitView, OutcomeCode, Step

SCRIPT_BUDGET = 150 * 1024
EVENTS = [
    each.__struct_config__.tag
    for each in vars(schemas.events).values()
    if isinstance(each, type) and issubclass(each, msgspec.Struct) and each.__struct_config__.tag
]
SHOWN = {
    "events": EVENTS,
    "outcomes": get_args(OutcomeCode),
    "wires": (*get_args(Interface), "timer"),
    "wires of dead letters": get_args(DeadLetterInterface),
    "states of bills": get_args(get_type_hints(BillView)["state"]),
    "states of debits": get_args(get_type_hints(DebitView)["state"]),
    "causes": [cause for cause in get_args(Cause) if cause],
    "scenes": get_args(Scene),
    "channels": get_args(Channel),
}
"""Codes that the page turns into words, by kind."""
NAMES = ["mllp", "fhir", "hl7"]
"""Codes whose word is a name in both languages."""


def test_the_document_loads_only_built_files_and_holds_no_inline_code():
    """What index.html names is there, and nothing in it needs an exception from the policy."""
    document = (STATIC / "index.html").read_text("utf-8")
    named = re.findall(r'(?:src|href)="(/assets/[^"]+)"', document)
    assert named
    assert all((STATIC / name.lstrip("/")).is_file() for name in named)
    assert {path.name for path in (STATIC / "assets").iterdir()} == {name.rsplit("/", 1)[1] for name in named}
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", document)


def test_the_page_keeps_its_budget():
    """All script of the page, compressed, stays within 150 kB."""
    scripts = [gzip.compress(path.read_bytes(), 9) for path in (STATIC / "assets").glob("*.js")]
    assert 0 < sum(map(len, scripts)) <= SCRIPT_BUDGET


@pytest.mark.parametrize("kind", SHOWN)
def test_every_code_the_page_can_meet_has_words_in_both_languages(kind: str):
    """No event, outcome, state, cause or wire stands on the page as its code."""
    source = (UI / "src/lib/codes.ts").read_text("utf-8")
    words = {
        key: (en, zh) for key, en, zh in re.findall(r'^  "?([\w.]+)"?: \["(.+?)", "(.+?)"\],$', source, re.MULTILINE)
    }
    assert [code for code in SHOWN[kind] if code not in words] == []
    assert [key for key, (_, zh) in words.items() if key != zh and not re.search(r"[\u4e00-\u9fff]", zh)] == NAMES


def test_the_policy_is_the_one_that_was_decided():
    """Nothing from elsewhere, nothing inline, no frame around it."""
    assert CSP == (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def test_the_checked_in_api_document_is_current():
    """The document is what the code gives: `python -m hub.web.openapi` writes it."""
    assert openapi.FILE.read_text("utf-8") == openapi.text()


def test_every_route_of_the_api_is_in_its_document():
    """Each path has its operation, its answer's type and its refusals."""
    document = openapi.document()
    assert "/api/v1/charges/{id}/decision" in document["paths"]
    assert "/api/v1/live" in document["paths"]
    identifiers = [path["get"]["operationId"] for path in document["paths"].values()]
    assert len(identifiers) == len(set(identifiers))
    assert all("404" in path["get"]["responses"] for name, path in document["paths"].items() if "{" in name)
    assert "/" in PAGES


@pytest.mark.parametrize(
    "parts",
    [
        Allocation(),
        Allocation(self_pay_fen=1),
        Allocation(fund_fen=50_000, account_fen=6_000, other_fen=7, credit_fen=24_000),
        Allocation(1, 2, 3, 4, 5, 6),
    ],
)
def test_the_bars_of_a_waterfall_meet_and_sum_to_the_charge(parts: Allocation):
    """Each bar begins where the last one ended; the last ends at the total; each knows its step."""
    steps = tuple(Step(name, 0, 0, 0) for name in ("insurance", "prepayment", "credit", "self_pay"))
    bars = bars_of(parts, steps)
    reached = 0
    for bar in bars:
        assert bar.from_fen == reached
        reached += bar.amount_fen
    assert reached == parts.total_fen()
    assert {bar.source: bar.step for bar in bars if bar.step >= 0} == {
        "account": 0,
        "prepayment": 1,
        "credit": 2,
        "self_pay": 3,
    }
