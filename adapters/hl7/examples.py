"""Twelve messages for an integrator's first day, written as the source's own profile says (experience 5, step 1).

Seven are accepted by a sandbox listener, five are refused, each for the one reason `REFUSED` names. Persons and items
are invented.
"""

from collections.abc import Mapping
from typing import Final

from adapters.hl7.profile import Profile

REFUSED: Final[Mapping[str, str]] = {
    "08-bad-amount-mismatch": "AMOUNT_MISMATCH",
    "09-bad-amount-syntax": "AMOUNT_SYNTAX",
    "10-bad-kind": "KIND_UNKNOWN",
    "11-bad-visit-missing": "VISIT_MISSING",
    "12-bad-type": "TYPE_UNSUPPORTED",
}
"""What each of the five bad ones is refused for."""

_Line = dict[str, str]
_BLOOD: Final[_Line] = {
    "line_id": "F0001", "kind": "CG", "item": "250101015", "item_name": "血细胞分析", "qty": "1", "unit": "25.00",
    "amount": "25.00", "order_no": "O7781",
}  # fmt: skip
_DRUG: Final[_Line] = {
    "line_id": "F0002", "kind": "CG", "item": "XD0001", "item_name": "阿莫西林胶囊", "qty": "14", "unit": "1.31",
    "amount": "18.34", "order_no": "O7782",
}  # fmt: skip


def examples(profile: Profile, day: str) -> dict[str, bytes]:
    """Return the messages by name, in order; `day` is their date, YYYYMMDD."""
    writer = _Writer(profile, day)
    lines = [_BLOOD, _DRUG]
    charge = writer.dft("EX02", lines)
    return {
        "01-registered": writer.adt("EX01", "A04"),
        "02-charge": charge,
        "03-charge-enhanced": writer.dft("EX03", [{**_BLOOD, "line_id": "F0003"}], modes="|||AL|AL"),
        "04-charge-gb18030": writer.dft("EX04", [{**_DRUG, "line_id": "F0004"}], codec="gb18030"),
        "05-reversal": writer.dft("EX05", [writer.credit({**_DRUG, "qty": "4", "amount": "5.24"})]),
        "06-batch": writer.batch([writer.dft(f"EX06{n}", [{**_BLOOD, "line_id": f"F006{n}"}]) for n in (1, 2)]),
        "07-discharged": writer.adt("EX07", "A03"),
        "08-bad-amount-mismatch": writer.dft("EX08", [_BLOOD, {**_DRUG, "amount": "18.43"}]),
        "09-bad-amount-syntax": writer.dft("EX09", [{**_DRUG, "amount": "18,34"}]),
        "10-bad-kind": writer.dft("EX10", [{**_DRUG, "kind": "ZZ"}]),
        "11-bad-visit-missing": charge.replace(b"V5512", b"").replace(b"EX02", b"EX11"),
        "12-bad-type": charge.replace(b"DFT^P03", b"ORU^R01").replace(b"EX02", b"EX12"),
    }


class _Writer:
    """Writes messages with each value at the position the profile names."""

    def __init__(self, profile: Profile, day: str) -> None:
        self._profile = profile
        self._day = day
        self._application, _, self._facility = profile.identity.source_id.partition("@")

    def dft(self, control: str, lines: list[_Line], modes: str = "", codec: str = "utf-8") -> bytes:
        segments = [self._ft1(number, line) for number, line in enumerate(lines, 1)]
        return self._message(control, "DFT^P03^DFT_P03", "P03", segments, modes, codec)

    def adt(self, control: str, event: str) -> bytes:
        return self._message(control, f"ADT^{event}^ADT_A01", event, [], "", "utf-8")

    def batch(self, messages: list[bytes]) -> bytes:
        head = f"BHS|^~\\&|{self._application}|{self._facility}|XMHUB|XM|{self._day}||||EXB1\r"
        return head.encode() + b"".join(messages) + f"BTS|{len(messages)}\r".encode()

    def credit(self, line: _Line) -> _Line:
        """Return the line as this source reverses: kind CD, or negative quantity and amount (protocols 2.4)."""
        if self._profile.prices.rules.sign_rule == "TYPE":
            return {**line, "kind": "CD"}
        return {**line, "kind": "CD", "qty": f"-{line['qty']}", "amount": f"-{line['amount']}"}

    def _message(self, control: str, kind: str, event: str, segments: list[str], modes: str, codec: str) -> bytes:
        name = "UNICODE UTF-8" if codec == "utf-8" else "GB18030"
        stamp = f"{self._day}101512+0800"
        visit = f"V5512^^^{self._facility}^VN"
        sender = f"{self._application}|{self._facility}|XMHUB|XM"
        header = f"MSH|^~\\&|{sender}|{stamp}||{kind}|{control}|T|2.5.1{modes or '||||'}|CHN|{name}"
        lines = [
            header,
            f"EVN|{event}|{stamp}",
            f"PID|1||P0091827^^^{self._facility}^MR~350299199003070025^^^NHSA^NI||林^晓岚||19900307|F",
            "PV1|1|O" + "|" * 17 + visit,
            *segments,
        ]
        return "".join(line + "\r" for line in lines).encode(codec)

    def _ft1(self, number: int, line: _Line) -> str:
        values = {**line, "service_at": f"{self._day}100800+0800", "item_system": "NHSA", "dept": "LAB"}
        fields: dict[int, dict[int, str]] = {1: {1: str(number)}}
        for name, value in values.items():
            place = self._profile.places.get(name)
            if place is not None:
                fields.setdefault(place.field, {})[place.component] = value
        raw = [self._components(fields.get(index, {})) for index in range(1, max(fields) + 1)]
        return "FT1|" + "|".join(raw)

    def _components(self, components: dict[int, str]) -> str:
        return "^".join(components.get(index, "") for index in range(1, max(components, default=0) + 1))
