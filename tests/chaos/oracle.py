"""The oracle of the whole hub: judges one run from outside, by what was sent, what moved and what the topics hold.

It imports nothing of the product. Every complaint is one sentence with the place it is about; a run is right only when
there is none. `complaints` is complete: it never stops at the first.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from evidence import Evidence, Row, sm3
from oracle_books import book_complaints
from oracle_debits import debit_complaints
from oracle_tables import table_complaints
from oracle_wire import NOTICES, OUTSIDE, Key, command_key, exchange_key

_TRANSIENT = frozenset(("HUB_BUSY", "SEQ_GAP"))
"""Refusals that are judged anew when the same message comes again."""
_REPEATED = frozenset(("DUPLICATE", "RELAY_REPEATED", "RESULT_REPEATED"))


def complaints(evidence: Evidence) -> list[str]:
    """Return everything that is not as it must be."""
    return [
        *one_outcome_each(evidence),
        *sequences(evidence.ledger),
        *chain(evidence.ledger),
        *deliveries(evidence),
        *set_aside(evidence),
        *notices(evidence),
        *repeats(evidence),
        *totals(evidence),
        *book_complaints(evidence),
        *debit_complaints(evidence),
        *projection(evidence),
        *table_complaints(evidence),
    ]


def is_command(record: Row) -> bool:
    """Return whether a ledger record came from a command, not from a timer."""
    return bool(record.value["source"]["type"] == "command")


def one_outcome_each(evidence: Evidence) -> list[str]:
    """Every offset of `commands` has one ledger record, or one letter of the undecodable; none is missing."""
    found: Counter[tuple[int, int]] = Counter(
        (record.partition, record.value["source"].get("offset", 0)) for record in evidence.ledger if is_command(record)
    )
    for letter in evidence.dead_letters:
        if letter.value.get("interface") == "commands" and letter.value.get("reason") == "UNDECODABLE":
            partition, _, offset = letter.value["receipt_key"].partition("@")
            found[(int(partition), int(offset))] += 1
    places = set(evidence.by_place())
    texts = [f"command {p}@{o} has {found[(p, o)]} outcomes" for p, o in sorted(places) if found[(p, o)] != 1]
    texts += [f"an outcome for {p}@{o}, where no command is" for p, o in sorted(set(found) - places)]
    return texts + _holes(evidence.commands)


def _holes(commands: Iterable[Row]) -> list[str]:
    offsets: defaultdict[int, list[int]] = defaultdict(list)
    for command in commands:
        offsets[command.partition].append(command.offset)
    return [
        f"commands of partition {partition} are not all there"
        for partition, found in offsets.items()
        if sorted(found) != list(range(len(found)))
    ]


def sequences(ledger: list[Row]) -> list[str]:
    """Each account counts its records 1, 2, 3; each timer fired at one instant fired once."""
    seqs: defaultdict[str, list[int]] = defaultdict(list)
    timers: Counter[tuple[str, str, str, int]] = Counter()
    for record in ledger:
        value, source = record.value, record.value["source"]
        seqs[value["account"]].append(value["seq"])
        if not is_command(record):
            timers[(value["account"], source["kind"], source.get("subject", ""), source["due_at"])] += 1
    texts = [f"{account} counts its records wrongly" for account, s in seqs.items() if s != [*range(1, len(s) + 1)]]
    return texts + [f"timer {timer} fired {count} times" for timer, count in timers.items() if count > 1]


def chain(ledger: list[Row]) -> list[str]:
    """Each partition's records form one chain of hashes."""
    heads: dict[int, str] = {}
    texts = []
    for record in ledger:
        previous = heads.get(record.partition, "")
        unhashed = record.raw[: record.raw.rindex(b',"hash":"')] + b"}"
        digest = sm3(previous.encode() + record.key.encode() + unhashed)
        if record.value.get("previous_hash", "") != previous or record.value["hash"] != digest:
            texts.append(f"the chain of partition {record.partition} breaks at offset {record.offset}")
        heads[record.partition] = record.value["hash"]
    return texts


def projection(evidence: Evidence) -> list[str]:
    """The books hold every ledger record once, and no other."""
    if evidence.projected is None:
        return []
    found = Counter(evidence.projected)
    expected = Counter((each.partition, each.offset, str(each.value["hash"])) for each in evidence.ledger)
    texts = [f"the books lack the record {p}@{o}" for p, o, _ in (expected - found)]
    return texts + [f"the books have {p}@{o} too often, or otherwise" for p, o, _ in (found - expected)]


class Delivered(NamedTuple):
    """How often a message was sent, by the word that came back."""

    accepted: int = 0
    refused: int = 0
    unsure: int = 0


def sent_by_key(evidence: Evidence) -> dict[Key, Delivered]:
    """Return how often each message was sent and what the sender heard."""
    counts: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    for exchange in evidence.sent:
        counts[exchange_key(exchange)][exchange.verdict] += 1
    return {key: Delivered(c["accepted"], c["refused"], c["busy"] + c["lost"]) for key, c in counts.items()}


def deliveries(evidence: Evidence) -> list[str]:
    """What a sender was promised is there; nothing is there that nobody sent.

    An answered message is durable once; one without an answer may be durable or not. So for each message the records
    number at least its answers, at most its sends; all of one message have one id.
    """
    durable: defaultdict[Key, list[Row]] = defaultdict(list)
    for command in evidence.commands:
        if key := command_key(command):
            durable[key].append(command)
    letters = Counter(each.value.get("raw_sm3") for each in evidence.dead_letters if not each.value.get("command_id"))
    digests = {exchange_key(each): sm3(_payload(each.sent, each.wire)) for each in evidence.sent}
    texts = [f"nobody sent {key}" for key in durable if key not in digests]
    for key, sends in sent_by_key(evidence).items():
        rows, refused = durable.get(key, []), letters[digests[key]]
        if len({each.value["id"] for each in rows}) > 1:
            texts.append(f"{key} has several ids")
        if len(rows) < sends.accepted:
            texts.append(f"{key} was accepted {sends.accepted} times and is {len(rows)} times in commands")
        if not sends.accepted + sends.refused <= len(rows) + refused <= sum(sends):
            texts.append(f"{key} was answered {sends} and is {len(rows)} times in commands, {refused} set aside")
    return texts


def _payload(sent: bytes, wire: str) -> bytes:
    return sent if wire == "mllp" else sent.partition(b"\n")[2]


def set_aside(evidence: Evidence) -> list[str]:
    """What the lanes refused for good is among the dead letters, sealed; no letter of theirs is there twice."""
    letters = [each for each in evidence.dead_letters if each.value.get("command_id")]
    kept = {
        each.value["command_id"] for each in letters if each.value["raw_sealed"] or each.value.get("wire") == "score"
    }
    twice = [id_ for id_, count in Counter(each.value["id"] for each in letters).items() if count > 1]
    return [f"dead letter {id_} is there twice" for id_ in twice] + [
        f"{each.value['command_id']} was refused ({each.value['reason']}) and is not among the dead letters"
        for each in evidence.ledger
        if each.value["outcome"] == "REFUSED"
        and each.value["interface"] in OUTSIDE
        and outcome_word(each) == "FINAL"
        and each.value["command_id"] not in kept
    ]


def notices(evidence: Evidence) -> list[str]:
    """Each delivery of a gateway is in commands at least as often as it was accepted, at most as often as sent."""
    durable = Counter(
        str(each.value["body"].get("notice_id", "")).replace("|", "-")
        for each in evidence.commands
        if each.value.get("interface") in NOTICES
    )
    accepted: Counter[str] = Counter()
    sends: Counter[str] = Counter()
    for gateway in evidence.gateways.values():
        for notice in (each for order in gateway["orders"] for each in order["notices"]):
            sends[notice["notice_id"]] += notice["sends"]
            if notice["status"] != "dut_user_unsign":
                accepted[notice["notice_id"]] += notice["positive_answers"]
    texts = [f"no gateway sent notice {each}" for each in durable if each not in sends]
    return texts + [
        f"notice {each} was accepted {accepted[each]} times, sent {sent}, and is {durable[each]} times in commands"
        for each, sent in sends.items()
        if not accepted[each] <= durable[each] <= sent
    ]


def repeats(evidence: Evidence) -> list[str]:
    """Repeats are recognised, exactly as many as arrived, and each outside id has one final outcome."""
    rows: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    outcomes: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    final: Counter[str] = Counter()
    for command in evidence.commands:
        if command.value:
            rows[(command.value["id"], command.value["account"])].append(command)
    for record in filter(is_command, evidence.ledger):
        value, word = record.value, outcome_word(record)
        outcomes[(value["command_id"], value["account"])][word] += 1
        final[value["command_id"]] += word == "FINAL"
    texts = [text for place, each in rows.items() for text in _repeats_of(place, each, outcomes[place])]
    return texts + [
        f"{id_} has {count} final outcomes" for id_, count in final.items() if count != 1 and _expects_one(id_, rows)
    ]


def outcome_word(record: Row) -> str:
    """Return an outcome's code where it is a repeat, a forward or a passing refusal; FINAL for every other."""
    value = record.value
    if value["outcome"] in _REPEATED or value["outcome"] == "FORWARDED":
        return str(value["outcome"])
    return "TRANSIENT" if value["outcome"] == "REFUSED" and value.get("reason") in _TRANSIENT else "FINAL"


def _expects_one(command_id: str, rows: dict[tuple[str, str], list[Row]]) -> bool:
    """A courier's word that says nothing new is a repeat from its first delivery on."""
    return any(
        id_ == command_id and each[0].value["interface"] not in ("courier", "clerk") for (id_, _), each in rows.items()
    )


def _repeats_of(place: tuple[str, str], rows: list[Row], outcomes: Counter[str]) -> list[str]:
    """Compare the repeats of one message at one account with the outcomes they got."""
    relays = [(each.value["via"]["account"], each.value["via"]["seq"]) for each in rows if each.value.get("via")]
    relayed = len(relays) - len(set(relays))
    expected: Counter[str] = Counter(RELAY_REPEATED=relayed)
    new = len(rows) - relayed - outcomes["TRANSIENT"]
    if rows[0].value["interface"] in ("courier", "clerk"):
        expected["RESULT_REPEATED"] = max(new - 1, min(new, outcomes["RESULT_REPEATED"]))
    else:
        expected["DUPLICATE"] = max(0, new - 1) if outcomes["FINAL"] else 0
    found = Counter({word: outcomes[word] for word in _REPEATED})
    if +found == +expected:
        return []
    return [f"{place} arrived {len(rows)} times: expected {dict(+expected)}, found {dict(+found)}"]


class Summary(NamedTuple):
    """What a run came to; `injected` copies the generator meant, `resent` ones it had to, `by_gateways` likewise."""

    commands: int
    ledger: int
    duplicates: int
    injected: int
    resent: int
    by_gateways: int
    relays_repeated: int
    results_repeated: int
    dead_letters: int
    aborted: int
    debits: int
    moved_fen: int


def summary(evidence: Evidence) -> Summary:
    """Return the counts of a run; duplicates = injected + resent + by_gateways, exactly, when `complaints` is empty."""
    outcomes = Counter(each.value["outcome"] for each in evidence.ledger)
    outside: Counter[str] = Counter()
    by_gateways: Counter[str] = Counter()
    for command in evidence.commands:
        interface = command.value.get("interface")
        if not command.value.get("via") and interface in OUTSIDE:
            outside[command.value["id"]] += 1
        by_gateways[command.value.get("id", "")] += interface in NOTICES
    injected = sum(bool(each.copy_of) and each.verdict == "accepted" for each in evidence.sent) - _resent_ok(evidence)
    passing = Counter(each.value["command_id"] for each in evidence.ledger if outcome_word(each) == "TRANSIENT")
    extra = sum(max(0, count - 1 - passing[id_]) for id_, count in outside.items())
    return Summary(
        commands=len(evidence.commands),
        ledger=len(evidence.ledger),
        duplicates=outcomes["DUPLICATE"],
        injected=injected,
        resent=extra - injected,
        by_gateways=sum(count - 1 for count in by_gateways.values() if count),
        relays_repeated=outcomes["RELAY_REPEATED"],
        results_repeated=outcomes["RESULT_REPEATED"],
        dead_letters=len(evidence.dead_letters),
        aborted=evidence.aborted,
        debits=sum(gateway["moved_count"] for gateway in evidence.gateways.values()),
        moved_fen=sum(gateway["moved_fen"] for gateway in evidence.gateways.values()),
    )


def _resent_ok(evidence: Evidence) -> int:
    """Return the resends that are the first accepted one of their message: no copies, but late first ones."""
    first: set[Key] = set()
    late = 0
    for exchange in evidence.sent:
        if exchange.verdict == "accepted":
            key = exchange_key(exchange)
            late += bool(exchange.copy_of) and key not in first
            first.add(key)
    return late


def totals(evidence: Evidence) -> list[str]:
    """The number of duplicate outcomes is what was sent again, exactly."""
    found = summary(evidence)
    expected = found.injected + found.resent + found.by_gateways
    if found.duplicates == expected:
        return []
    return [f"{found.duplicates} duplicates, but {expected} messages arrived again"]
