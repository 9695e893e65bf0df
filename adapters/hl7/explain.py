"""Reports and acknowledgements as lines for people, in English and Chinese (experience 5); pure."""

from collections.abc import Mapping
from typing import Final, Literal

from adapters.hl7.charset import decode
from adapters.hl7.faults import TABLE_0357
from adapters.hl7.lint import Finding, Report
from adapters.hl7.reader import Message, Segment, lines_of, separators_of

Language = Literal["en", "zh"]

_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "EVN-2": ("event time", "事件时间"),
    "FT1": ("charge line", "费用明细"),
    "FT1-2": ("line id", "明细号"),
    "FT1-4": ("service time", "服务时间"),
    "FT1-6": ("kind", "交易类型"),
    "FT1-7": ("item", "项目"),
    "FT1-10": ("quantity", "数量"),
    "FT1-11": ("amount", "金额"),
    "FT1-12": ("unit price", "单价"),
    "MSH-3": ("sender", "发送方"),
    "MSH-7": ("message time", "消息时间"),
    "MSH-9": ("message type", "消息类型"),
    "MSH-10": ("control id", "消息控制号"),
    "MSH-11": ("processing id", "处理标识"),
    "MSH-12": ("version", "版本"),
    "MSH-14": ("continuation", "续传"),
    "MSH-15": ("accept mode", "接收应答方式"),
    "MSH-16": ("application mode", "应用应答方式"),
    "MSH-18": ("charset", "字符集"),
    "PID-3": ("patient id", "患者标识"),
    "PV1-2": ("patient class", "就诊类别"),
    "PV1-19": ("visit number", "就诊号"),
    "PV1-47": ("control total", "费用合计"),
}
_SEVERITIES: Final[Mapping[str, tuple[str, str]]] = {
    "error": ("error", "错误"),
    "warning": ("warning", "警告"),
    "note": ("note", "提示"),
}
_CODES: Final[Mapping[str, tuple[str, str]]] = {
    "AA": ("accepted: will have exactly one outcome; the decision follows", "已受理：必有且仅有一个结果，决定随后产生"),
    "AE": ("content fault: fix it, then send", "内容有误：请更正后重发"),
    "AR": ("header, type or sender refused: correct it, then send", "报头、类型或发送方被拒：请更正后重发"),
    "CA": ("stored safely, not yet judged", "已安全保存，尚未判定"),
    "CE": ("not stored: send the same bytes again", "未能保存：请原样重发"),
    "CR": ("header, type or sender refused: correct it, then send", "报头、类型或发送方被拒：请更正后重发"),
}
_BUSY: Final = ("our fault: send the same bytes again", "我方原因：请原样重发")


def position_text(position: str, language: Language) -> str:
    """Return `FT1^2^11` as `FT1[2]-11 amount`; empty for a fault of the whole message."""
    parts = position.split("^") if position else []
    if not parts:
        return ""
    segment = parts[0]
    occurrence = f"[{parts[1]}]" if (len(parts) > 1 and parts[1] not in ("", "1")) or segment == "FT1" else ""
    field = f"-{parts[2]}" if len(parts) > 2 else ""
    component = f".{parts[4]}" if len(parts) > 4 else ""
    name = _FIELDS.get(segment + field)
    words = f" {_word(name, language)}" if name else ""
    return f"{segment}{occurrence}{field}{component}{words}"


def lint_text(report: Report, language: Language) -> list[str]:
    """Return the report's lines: what the message is, then one line for each finding, then what to do."""
    lines = [_summary(report, language)]
    lines += [_finding_text(finding, language) for finding in report.findings]
    code = _word(_CODES[report.answer], language) if report.answer in _CODES else ""
    lines.append(f"{report.answer}  {code}")
    return lines


def acknowledgement_text(payload: bytes, language: Language) -> list[str]:
    """Return what an acknowledgement says: its code with what to do, then each fault; raises ValueError for no ACK."""
    decoded = decode(payload)
    lines = lines_of(decoded.text) if decoded else []
    separators = separators_of(lines[0]) if lines and lines[0].startswith("MSH") else None
    message = Message(lines, separators) if separators else None
    msa = message.first("MSA") if message else None
    if message is None or msa is None:
        raise ValueError("this is no acknowledgement: it has no MSA segment")
    faults = [_fault_text(error, language) for error in message.segments("ERR")]
    code, busy = msa.value(1), "HUB_BUSY" in (msa.value(3), *(error.value(5) for error in message.segments("ERR")))
    meaning = _BUSY if busy else _CODES.get(code, ("unknown code", "未知代码"))
    return [f"{code}  {msa.raw(2)}  {_word(meaning, language)}", *faults]


def _summary(report: Report, language: Language) -> str:
    charset = report.charset.upper()
    zh = language == "zh"
    declared = ("（声明一致）" if zh else " (as declared)") if report.charset_declared else ""
    lines = f"{report.lines} 条明细" if zh else f"{report.lines} lines"
    profile = f"方言 {report.profile or '无'}" if zh else f"profile {report.profile or 'none'}"
    parts = [report.message, charset + declared, f"MSH-10 {report.control_id}", lines, profile]
    return " · ".join(part for part in parts if part)


def _finding_text(finding: Finding, language: Language) -> str:
    severity = _word(_SEVERITIES[finding.severity], language)
    text = finding.zh if language == "zh" else finding.en
    position = position_text(finding.position, language)
    return f"{severity} {position:20} {finding.code:18} {text}    {finding.docs}"


def _fault_text(error: Segment, language: Language) -> str:
    """Return one ERR: position, table 0357, our code, and the text in the language asked for."""
    place = error.raw(2).replace(error.separators.component, "^")
    code = error.value(3)
    text = error.value(8) if language == "zh" else error.value(7)
    parts = [position_text(place, language), f"{code} {TABLE_0357.get(code, '')}".strip(), error.value(5), text]
    return "    " + " · ".join(part for part in parts if part)


def _word(pair: tuple[str, str], language: Language) -> str:
    return pair[1] if language == "zh" else pair[0]
