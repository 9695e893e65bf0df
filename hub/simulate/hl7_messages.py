"""The bytes a hospital's HIS sends: ADT and DFT^P03 of version 2.5.1, as protocols 2.5 shows them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from hub.simulate.persons import POINT_OF_CARE, Person

_CITY_ZONE = timezone(timedelta(hours=8))
_SCENE_CLASS = {"outpatient": "O", "emergency": "E", "inpatient": "I", "pharmacy": "O"}


@dataclass(frozen=True)
class Hospital:
    """One sender: its names on the wire, its charset, and whether its charges carry the citizen id."""

    application: str
    facility: str
    charset: str = "utf-8"
    charset_name: str = "UNICODE UTF-8"
    enhanced: bool = True
    carries_citizen_id: bool = True


@dataclass(frozen=True)
class Line:
    """One FT1: `kind` is CG, CD or PY; the extended amount is quantity times unit price.

    A credit names its charge by FT1-31 within the message, or by FT1-30 with the key of a line sent before.
    """

    key: str
    kind: str
    item: str
    item_name: str
    quantity: int
    unit_fen: int
    department: str = "LAB"
    order_no: str = ""
    reverses_set_id: str = ""
    department_name: str = "检验科"
    reverses_key: str = ""

    @property
    def amount_fen(self) -> int:
        """The extended amount in fen."""
        return self.quantity * self.unit_fen


@dataclass
class Writer:
    """Builds the messages of one hospital; control ids count up, so each message has its own."""

    hospital: Hospital
    prefix: str
    sent: int = field(default=0)

    def adt(
        self,
        event: str,
        person: Person,
        visit: str,
        scene: str,
        at: int,
        *,
        with_citizen_id: bool,
        happened_at: int = 0,
    ) -> bytes:
        """Return an ADT of this trigger event; `at` is city time in ms, `happened_at` when it is told later."""
        segments = [
            self._header(f"ADT^{event}^ADT_A01", at),
            f"EVN|{event}|{_stamp(happened_at or at)}",
            self._patient(person, with_citizen_id=with_citizen_id),
            self._visit(visit, scene, happened_at or at),
        ]
        return self._encode(segments)

    def merge(self, retired: Person, survivor: Person, at: int) -> bytes:
        """Return an ADT^A40: the record of one citizen id becomes that of another."""
        segments = [
            self._header("ADT^A40^ADT_A39", at),
            f"EVN|A40|{_stamp(at)}",
            self._patient(survivor, with_citizen_id=True),
            f"MRG|{retired.citizen_id}^^^NHSA^NI",
        ]
        return self._encode(segments)

    def dft(self, person: Person, visit: str, scene: str, at: int, lines: list[Line], *, happened_at: int = 0) -> bytes:
        """Return a DFT^P03 with one FT1 a line; `at` and `happened_at` as in `adt`."""
        then = happened_at or at
        segments = [
            self._header("DFT^P03^DFT_P03", at),
            f"EVN|P03|{_stamp(then)}",
            self._patient(person, with_citizen_id=self.hospital.carries_citizen_id),
            self._visit(visit, scene, then),
            *(self._line(number, line, then) for number, line in enumerate(lines, start=1)),
        ]
        return self._encode(segments)

    def _header(self, message_type: str, at: int) -> str:
        self.sent += 1
        h = self.hospital
        acks = "AL|AL" if h.enhanced else "|"
        return (
            f"MSH|^~\\&|{h.application}|{h.facility}|XMHUB|XM|{_stamp(at)}||{message_type}"
            f"|{self.prefix}{self.sent:08d}|P|2.5.1|||{acks}|CHN|{h.charset_name}"
        )

    def _patient(self, person: Person, *, with_citizen_id: bool) -> str:
        numbers = [f"P{person.number:07d}^^^{self.hospital.facility}^MR"]
        if with_citizen_id:
            numbers.append(f"{person.citizen_id}^^^NHSA^NI")
        birth = person.birth_on.replace("-", "")
        return f"PID|1||{'~'.join(numbers)}||{person.family_name}^{person.given_name}||{birth}|{person.sex}"

    def _visit(self, visit: str, scene: str, at: int) -> str:
        fields = [""] * 45
        fields[0], fields[1], fields[2] = "PV1", "1", _SCENE_CLASS[scene]
        fields[3] = f"{POINT_OF_CARE[scene]}^^^{self.hospital.facility}"
        fields[19] = f"{visit}^^^{self.hospital.facility}^VN"
        fields[44] = _stamp(at)
        return "|".join(fields)

    def _line(self, number: int, line: Line, at: int) -> str:
        fields = [""] * 32
        fields[0], fields[1], fields[2] = "FT1", str(number), line.key
        fields[4] = fields[5] = _stamp(at)
        fields[6] = line.kind
        fields[7] = f"{line.item}^{line.item_name}^NHSA"
        fields[10] = str(line.quantity)
        fields[11] = f"{_yuan(line.amount_fen)}&CNY"
        fields[12] = f"{_yuan(line.unit_fen)}&CNY"
        fields[13] = f"{line.department}^{line.department_name}"
        fields[23] = f"{line.order_no}^HIS" if line.order_no else ""
        fields[30], fields[31] = line.reverses_key, line.reverses_set_id
        return "|".join(fields).rstrip("|")

    def _encode(self, segments: list[str]) -> bytes:
        return ("\r".join(segments) + "\r").encode(self.hospital.charset)


def frame(message: bytes) -> bytes:
    """Return the message between the MLLP start and end bytes."""
    return b"\x0b" + message + b"\x1c\r"


def _stamp(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, _CITY_ZONE).strftime("%Y%m%d%H%M%S+0800")


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
