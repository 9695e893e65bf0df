"""What a refusal's parameter says in words is said in the reader's language, values and all."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.phrases import PHRASES, in_chinese
from schemas.reasons import Reason, reason_text

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("adapters", "hub", "streams")
SAYING = {"invalid": 1, "unreadable": 2, "_unsupported": 0, "_impossible": 0, "ParkRefusedError": 0}
"""The functions that take a phrase, and which argument it is."""
PARAMETERS = ("why", "dependency")


def phrases_in_code() -> Iterator[tuple[str, str]]:
    """Yield each phrase that shipped code says, a value in it as `{}`, with its file."""
    for root in SHIPPED:
        for path in sorted((ROOT / root).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                for said in _said(node):
                    text = _template(said)
                    if text is not None and " " in text:
                        yield path.name, text


def _said(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAYING:
        yield from node.args[SAYING[node.func.id] : SAYING[node.func.id] + 1]
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value in PARAMETERS:
                yield value
    if isinstance(node, ast.FunctionDef) and node.name == "_fault":
        yield from (each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value)


def _template(said: ast.expr) -> str | None:
    if isinstance(said, ast.Constant) and isinstance(said.value, str):
        return said.value
    if isinstance(said, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in said.values)
    return None


def test_every_phrase_that_code_says_has_its_chinese():
    """No refusal puts an English sentence of ours into a Chinese one."""
    said = set(phrases_in_code())
    assert len(said) > 40, "the scan finds what code says"
    of_parts = ("the sandbox gateways", "{}:{} cannot be parked")  # the end of a log; made of two phrases
    missing = [each for each in said if in_chinese(each[1].replace("{}", "7")) == each[1].replace("{}", "7")]
    assert [each for each in missing if not each[1].startswith(of_parts)] == []


@pytest.mark.parametrize("phrase", PHRASES)
def test_a_phrase_keeps_its_values_and_loses_its_english(phrase: str):
    """Values stand in the Chinese once each; words of ours do not."""
    filled = phrase
    for number in range(phrase.count("{}")):
        filled = filled.replace("{}", f"§{number}", 1)
    chinese = in_chinese(filled)
    assert re.search("[\u4e00-\u9fff]|Kafka|PostgreSQL", chinese)
    assert all(chinese.count(f"§{number}") == 1 for number in range(phrase.count("{}")))


@pytest.mark.parametrize(
    ("reason", "parameters", "chinese"),
    [
        (
            Reason.SOURCES_INVALID,
            {"why": "more than 5 sources"},
            "还款来源列表无效：来源超过 5 个。请更正后重发。",
        ),
        (Reason.FAMILY_RELATION_INVALID, {"why": "oneself"}, "两人不能如此关联：不能与本人关联。请更正申请。"),
        (
            Reason.PARAM_INVALID,
            {"parameter": "id", "expected": "an id of 32 characters as we hand out"},
            "参数 id 不符合要求（应为平台给出的 32 位编号）。请更正后重试。",
        ),
        (
            Reason.DEPENDENCY_UNREACHABLE,
            {"dependency": "Kafka at 127.0.0.1:9092"},
            "Kafka（127.0.0.1:9092） 无响应。请启动该服务或更正其地址后重试。",
        ),
        (Reason.SEQ_GAP, {"expected": "18343", "got": "18345"}, "期望序号 18343，收到 18345。请从 18343 起补发。"),
    ],
)
def test_a_chinese_sentence_has_no_english_inside(reason: Reason, parameters: dict[str, str], chinese: str):
    """The sentence is Chinese from its beginning to its end; the parameter itself stays as it was kept."""
    assert reason_text(reason, "zh", parameters) == chinese


def test_a_value_that_is_no_parameter_of_words_is_never_changed():
    """A line whose key happens to read as a phrase keeps it."""
    assert "明细 dropped " in reason_text(Reason.LINE_CHANGED, "zh", {"line": "dropped"})
