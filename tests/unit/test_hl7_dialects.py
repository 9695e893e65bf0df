"""Source profiles, the sign table, routing, identity and visit events (protocols 2.1-2.4, architecture 5)."""

from pathlib import Path

import pytest
from hl7_messages import CITY_KEY, NOW, WORKED_TEXT, accepted, adt, changed, edited, refused, setting_for, variant

from adapters.hl7.prices import Price, PriceRules, PriceTexts, agrees, line_kind
from adapters.hl7.profile import SHIPPED, ProfileError, Profiles, load_profiles, profile_from_yaml
from adapters.hl7.reader import STANDARD, escape, place, separators_of, unescape
from adapters.hl7.translation import Setting
from schemas.commands import PostCharge, RecordVisit
from schemas.ids import account_id
from schemas.reasons import Reason

SAMPLES = Path(__file__).parent.parent / "samples" / "hl7v2"
MINIMAL = "profile: {source_id: A@B, version: 1, valid_from: 2020-01-01}\n"
FIELDS = MINIMAL + "fields: {amount: FT1-11.1.1, unit: FT1-12.1.1, kind: FT1-6}\n"
PERSON = account_id(CITY_KEY, "person", "350299199003070025")


def rule(sign_rule: str, more: str = "") -> PriceRules:
    """Return what a profile with a sign rule says of money."""
    return profile_from_yaml(f"{MINIMAL}sign_rule: {sign_rule}\n{more}").prices.rules


TABLE = [
    # kind, quantity, amount, TYPE, AMOUNT, AGREE
    ("CG", 1, 100, "charge", "charge", "charge"),
    ("CG", -1, -100, None, "credit", None),
    ("CG", 1, -100, None, "credit", None),
    ("CG", -1, 100, None, None, None),
    ("CD", 1, 100, "credit", None, None),
    ("CD", -1, -100, None, "credit", "credit"),
    ("CD", 1, -100, None, "credit", "credit"),
    ("CD", -1, 100, None, None, None),
    ("AJ", 1, 100, None, None, None),
    ("PY", 1, 100, "payment", "payment", "payment"),
    ("PY", 1, 0, "memo", "memo", "memo"),
    ("PY", 1, -100, None, None, None),
    ("CO", 1, 100, "memo", "memo", "memo"),
    ("CG", 1, 0, "memo", "memo", "memo"),
    ("CD", -1, 0, "memo", "memo", "memo"),
]


@pytest.mark.parametrize(("kind", "quantity", "amount", "by_type", "by_amount", "agree"), TABLE)
def test_the_sign_table_of_reversals(kind, quantity, amount, by_type, by_amount, agree):
    """Every row of protocols 2.4 under every rule; None is quarantine."""
    for sign_rule, expected in (("TYPE", by_type), ("AMOUNT", by_amount), ("AGREE", agree)):
        assert line_kind(kind, quantity, amount, rule(sign_rule)) == expected


def test_adjustments_need_a_direction():
    """`aj_direction` makes AJ a charge or a credit."""
    assert line_kind("AJ", 1, 100, rule("TYPE", "defaults: {aj_direction: CD}")) == "credit"
    assert line_kind("AJ", 1, 100, rule("TYPE", "defaults: {aj_direction: CG}")) == "charge"


@pytest.mark.parametrize(
    ("quantity", "unit", "amount_fen", "product", "agreed"),
    [
        ("14", "1.31", 1834, "half_up", True),
        ("0.5", "0.01", 1, "half_up", True),
        ("0.5", "0.01", 0, "half_even", True),
        ("1.5", "0.01", 2, "half_even", True),
        ("0.9", "0.01", 0, "truncate", True),
        ("0.9", "0.01", 1, "truncate", False),
        ("3", "33.333333", 10000, "half_up", True),
        ("3", "33.33", 10000, "within_1_fen", True),
        ("3", "33.32", 10000, "within_1_fen", False),
        ("1", "1.00", 101, "within_1_fen", True),
        ("1", "1.00", 99, "within_1_fen", True),
        ("1", "1.00", 102, "within_1_fen", False),
        ("1", "1.00", 98, "within_1_fen", False),
        ("-14", "1.31", 1834, "half_up", True),
        ("14", "1.31", 1835, "half_up", False),
    ],
)
def test_the_arithmetic_guard_rounds_as_the_profile_says(quantity, unit, amount_fen, product, agreed):
    """All of it in exact decimals; halves included."""
    assert agrees(quantity, unit, amount_fen, product) is agreed


def test_a_price_means_under_each_profile_what_its_own_rules_say_however_often_it_comes():
    """What is remembered of a price belongs to one profile, and to one set of separators."""
    sent = PriceTexts("CG", "1", "-1.50", "1.50", "-1.50&CNY", "1.50&CNY")
    by_type, by_amount = (profile_from_yaml(f"{FIELDS}sign_rule: {rule}\n").prices for rule in ("TYPE", "AMOUNT"))
    for _ in range(3):
        assert [each.reason for each in by_type.read(sent, STANDARD).contradictions] == [Reason.SIGN_AMBIGUOUS]
        assert by_amount.read(sent, STANDARD) == Price("credit", 150, "1", "1.50", (), ())
        foreign = sent._replace(amount_sent="-1.50&USD")
        assert [each.reason for each in by_amount.read(foreign, STANDARD).faults] == [Reason.CURRENCY]


@pytest.mark.parametrize(
    ("kind", "qty", "amount", "meaning"),
    [
        ("CG", "1", "1.50", "charge"),
        ("CG", "-1", "1.50", None),
        ("CD", "1", "1.50", "credit"),
        ("CD", "-1", "1.50", None),
    ],
)
def test_a_negative_quantity_of_a_positive_amount_is_no_charge_and_no_credit(kind, qty, amount, meaning):
    """The sign of the quantity counts as much as that of the amount (2.4): it is put before a person."""
    price = profile_from_yaml(FIELDS).prices.read(PriceTexts(kind, qty, amount, "1.50", amount, "1.50"), STANDARD)
    assert (price.kind, price.faults) == (meaning, ())
    assert [each.reason for each in price.contradictions] == ([] if meaning else [Reason.SIGN_AMBIGUOUS])


@pytest.mark.parametrize(
    ("sent", "accepted_as_cny"),
    [
        ("1.50", True),
        ("1.50&CNY", True),
        ("1.50^UP", True),
        ("1.50^CNY", True),
        ("1.50&CNY^CNY", True),
        ("1.50^EUR", False),
        ("1.50&USD", False),
        ("1.50&CNY^EUR", False),
    ],
)
def test_a_currency_is_read_beside_the_amount_and_in_the_caret_form(sent, accepted_as_cny):
    """A price type of two letters is no currency; another currency in either place is refused."""
    price = profile_from_yaml(FIELDS).prices.read(PriceTexts("CG", "1", "1.50", "1.50", sent, "1.50"), STANDARD)
    assert [each.reason for each in price.faults] == ([] if accepted_as_cny else [Reason.CURRENCY])


@pytest.mark.parametrize(("name", "text"), [("qty", "1e2"), ("qty", "+1"), ("unit", "1,50"), ("unit", "1.5E0")])
def test_a_quantity_or_a_price_that_is_no_plain_number_is_refused(name, text):
    """What Python would read as a number is none on the wire."""
    texts = PriceTexts("CG", "1", "1.50", "1.50", "1.50", "1.50")._replace(**{name: text})
    price = profile_from_yaml(FIELDS).prices.read(texts, STANDARD)
    assert [(each.reason, each.name) for each in price.faults] == [(Reason.AMOUNT_SYNTAX, name)]
    assert (price.kind, price.amount_fen) == (None, 0)


def test_what_was_paid_needs_no_product():
    """A payment line of 1.50 under a unit price of 9.99 is a payment of 1.50."""
    price = profile_from_yaml(FIELDS).prices.read(PriceTexts("PY", "", "1.50", "9.99", "1.50", "9.99"), STANDARD)
    assert (price.kind, price.amount_fen, price.quantity, price.contradictions) == ("payment", 150, "1", ())


def test_a_price_of_any_length_is_judged_alike():
    """What is too long to be remembered is judged each time it comes."""
    prices = profile_from_yaml(FIELDS).prices
    zeros = "0" * 200
    short, long = (PriceTexts("CG", "2", text, "1.25", text, "1.25") for text in ("2.50", f"2.50{zeros}"))
    assert prices.read(long, STANDARD) == prices.read(short, STANDARD) == Price("charge", 250, "2", "1.25", (), ())


def test_every_shipped_profile_can_be_used():
    """Standard map, GB18030 dialect, number routing, waiting for the decision, amount in FT1-7."""
    profiles = load_profiles()
    found = {source: profiles.find(source) for source in profiles.sources}
    assert found["HIS@XMZSH"].name == "HIS@XMZSH/3"
    assert found["HIS@XMDSY"].identity.charset == "gb18030"
    assert found["HIS@XMFYB"].defaults.route_by == "number"
    assert found["HIS@XMDYY"].defaults.ack_after == "decision"
    assert str(found["SENDING_APP@SENDING_FAC"].places["amount"]) == "FT1-7.1"


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ("profile: {}", "source_id"),
        (MINIMAL + "fields: {amuont: FT1-11}", "amuont"),
        (MINIMAL + "fields: {amount: FT1_11}", "FT1_11"),
        (MINIMAL + "fields: {amount: ZZ1-1}", "position in FT1"),
        (MINIMAL + "sign_rule: MAYBE", "sign_rule"),
        (MINIMAL + "guard: {product: nearest}", "product"),
        (MINIMAL + "defaults: {settlement: in_message}", "settlement_fields"),
        (MINIMAL + "colour: blue", "colour"),
        ("profile: {source_id: A@B, version: 1, valid_from: 2020-01-01, offset: +8}", "offset"),
        ("[", "cannot be used"),
    ],
)
def test_a_profile_that_cannot_be_meant_is_refused_by_name(document: str, complaint: str):
    """The message names the entry at fault."""
    with pytest.raises(ProfileError, match=complaint):
        profile_from_yaml(document)


def test_the_version_in_force_is_chosen_by_the_message():
    """A new version counts from its day on; each message records the one that read it."""
    text = (
        "profile: {source_id: HIS@XMZSH, version: %d, valid_from: %s, offset: '+08:00'}\n"
        "fields: {amount: FT1-11, kind: FT1-6, qty: FT1-10, unit: FT1-12, line_id: FT1-2}"
    )
    versions = Profiles([profile_from_yaml(text % (1, "2020-01-01")), profile_from_yaml(text % (2, "2026-07-03"))])
    setting = Setting(versions, CITY_KEY)
    assert accepted(changed(), setting).profile == "HIS@XMZSH/2"
    assert accepted(changed(MSH_7="20260702235959+0800"), setting).profile == "HIS@XMZSH/1"
    assert refused(changed(MSH_7="20191231"), setting).reason == Reason.DIALECT_UNMAPPED
    with pytest.raises(ProfileError, match="two profiles"):
        Profiles([profile_from_yaml(text % (1, "2020-01-01")), profile_from_yaml(text % (1, "2021-01-01"))])


def test_a_vendor_that_writes_its_amount_in_ft1_7_is_read():
    """The medplum sample: amount 150.00 in FT1-7, quantity in FT1-8, no unit price."""
    payload = (SAMPLES / "medplum" / "dft-amount-in-ft1-7.hl7").read_bytes()
    body = accepted(payload).body
    assert isinstance(body, PostCharge)
    line = body.lines[0]
    assert (line.amount_fen, line.quantity, line.unit_price, line.item.code) == (15_000, "1", "", "99213")


def test_a_charge_goes_to_the_person_by_citizen_id():
    """Default routing; the hospital number goes along for the link."""
    message = accepted(changed())
    assert message.account == PERSON
    assert message.body.subject.number == account_id(CITY_KEY, "number", "XMZSH|P0091827")


def test_a_charge_without_citizen_id_goes_to_the_number_account():
    """The number account has no credit, but nothing is lost."""
    message = accepted(changed(PID_3="P0091827^^^XMZSH^MR"))
    assert message.account == account_id(CITY_KEY, "number", "XMZSH|P0091827")
    assert message.body.subject.person == ""


def test_a_profile_that_routes_by_number_always_does():
    """Even a message that carries both goes to the number account, the only judge of its link."""
    message = accepted(changed(MSH_4="XMFYB", FT1_3_6="CG"))
    assert message.account == account_id(CITY_KEY, "number", "XMFYB|P0091827")
    assert message.body.subject.person == PERSON


def test_identifiers_have_their_precedence():
    """NI, then MR or PI, then a health card, PID-2; PID-19 counts where it is a citizen id by its check character."""

    def number(value: str) -> str:
        return account_id(CITY_KEY, "number", f"XMZSH|{value}")

    assert accepted(changed(PID_3="C1^^^A^HC~P2^^^XMZSH^PI")).account == number("P2")
    assert accepted(changed(PID_3="C1^^^A^HC")).account == number("HC:C1")
    assert accepted(changed(PID_3="", PID_2="OLD7")).account == number("OLD7")
    assert accepted(changed(PID_3="P3")).account == number("P3")
    citizen = account_id(CITY_KEY, "person", "11010519491231002X")
    assert accepted(changed(PID_3="", PID_19="11010519491231002X")).account == citizen
    assert refused(changed(PID_3="", PID_19="110105194912310021")).reason == Reason.PATIENT_MISSING
    assert refused(changed(PID_3="", PID_19="425-57-9745")).reason == Reason.PATIENT_MISSING


def test_a_lower_case_check_character_is_the_same_person():
    """`x` and `X` end the same id."""
    small = accepted(changed(PID_3="11010519491231002x^^^N^NI")).account
    assert small == accepted(changed(PID_3="11010519491231002X^^^N^NI")).account


def test_names_and_numbers_are_masked():
    """The person's own page shows the first character of the name and the last four of the id."""
    subject = accepted(changed()).body.subject
    assert (subject.name_masked, subject.id_masked) == ("林**", "**************0025")
    assert accepted(changed(PID_5="^李")).body.subject.name_masked == "李**"
    assert accepted(changed(PID_5="")).body.subject.name_masked == ""


@pytest.mark.parametrize(
    ("event", "meaning"),
    [
        ("A01", "opened"),
        ("A04", "opened"),
        ("A08", "updated"),
        ("A03", "discharged"),
        ("A11", "cancelled"),
        ("A13", "reopened"),
    ],
)
def test_each_visit_event_becomes_its_command(event: str, meaning: str):
    """One ADT, one RecordVisit with both account ids."""
    body = accepted(adt(event)).body
    assert isinstance(body, RecordVisit)
    assert (body.event, body.visit, body.institution, body.scene) == (meaning, "V5512", "XMZSH", "outpatient")
    assert body.subject.person == PERSON
    assert body.event_at == 1783044910000


def test_a_visit_names_its_department_where_the_profile_says():
    """PV1-3, else PV1-10; a profile that names other places has only those."""
    assert accepted(adt("A04")).body.department == "OPD"
    assert accepted(adt("A04", PV1_3="", PV1_10="CARD")).body.department == "CARD"
    assert accepted(adt("A04", PV1_3="", PV1_10="")).body.department == ""
    own = variant("fields:", "department: [PV1-10.1]\nfields:")
    assert accepted(adt("A04", PV1_10="CARD"), own).body.department == "CARD"
    assert accepted(adt("A04"), own).body.department == ""


def test_an_admission_without_class_is_inpatient_and_a_registration_outpatient():
    """A01 and A04 say it themselves; a discharge leaves it to what is known."""
    scenes = [accepted(adt(event, PV1_2="")).body.scene for event in ("A01", "A04", "A03")]
    assert scenes == ["inpatient", "outpatient", None]


def test_a_mistyped_event_is_an_alias_of_the_profile():
    """`PO3` is read as P03 where the profile says so."""
    assert isinstance(accepted(changed(MSH_9="DFT^PO3")).body, PostCharge)


def test_a_payment_line_keeps_its_key():
    """FT1-6 PY: money paid in advance, never a charge; the line key lets the books recognise a repeat of it."""
    only = "".join(line + "\r" for line in WORKED_TEXT.split("\r") if line and not line.startswith(("FT1|2", "FT1|3")))
    body = accepted(edited(only, {"FT1_6": "PY", "FT1_11": "500.00", "FT1_12": "", "FT1_10": ""}).encode()).body
    assert isinstance(body, PostCharge)
    assert [(line.kind, line.amount_fen, line.line_key) for line in body.lines] == [("payment", 50_000, "F0001")]


def test_an_empty_line_id_gets_a_weak_key():
    """`MSH-10#FT1-1`, flagged."""
    body = accepted(changed(FT1_1_2="")).body
    assert isinstance(body, PostCharge)
    assert (body.lines[0].line_key, body.lines[0].weak_key) == ("ZS26070300000871#1", True)


def test_a_credit_names_its_charge_by_set_id_or_by_ft1_30():
    """FT1-31 within the message first, then FT1-30; a set id used twice names nobody."""

    def reverses(**fields: str) -> str:
        body = accepted(changed(**fields)).body
        assert isinstance(body, PostCharge)
        return body.lines[2].reverses

    assert reverses() == "F0002"
    assert reverses(FT1_3_31="", FT1_3_30="F0001") == "F0001"
    assert reverses(FT1_3_31="9") == ""
    assert reverses(FT1_1_1="2") == ""


def test_quantity_may_be_absent_only_where_the_profile_says_one():
    """Otherwise AE 101; a unit price may be absent only under `none_unit`."""
    assert refused(changed(FT1_1_10="")).faults[0].reason == Reason.FIELD_MISSING
    assert refused(changed(FT1_1_12="")).faults[0].reason == Reason.FIELD_MISSING
    single = variant("defaults: {currency: CNY", 'defaults: {quantity: "1", currency: CNY')
    assert accepted(changed(FT1_1_10=""), single)
    assert accepted(changed(FT1_1_12=""), variant("product: half_up", "product: none_unit"))


def test_the_insurers_parts_are_read_where_the_profile_says_so():
    """`settlement: in_message`: parts that add up become the split, others are refused."""
    positions = "{id: ZYB-1, total: ZYB-2, fund: ZYB-3, account: ZYB-4, other: ZYB-5, cash: ZYB-6}"
    text = (SHIPPED / "his-xmzsh.yaml").read_text("utf-8")
    text = text.replace("sign_rule: TYPE", f"settlement_fields: {positions}\nsign_rule: TYPE")
    setting = setting_for(text.replace("defaults: {", "defaults: {settlement: in_message, "))
    paid = accepted(changed() + b"ZYB|S1|38.10|20.00|10.00|0.00|8.10\r", setting).body
    assert isinstance(paid, PostCharge)
    assert paid.settlement is not None
    assert (paid.settlement.total_fen, paid.settlement.cash_fen, paid.settlement_mode) == (3810, 810, "in_message")
    assert accepted(changed(), setting).body.settlement is None
    wrong = {
        b"ZYB|S1|38.10|20.00|10.00|0.00|8.11\r": Reason.SPLIT_TOTAL,
        b"ZYB|S1|38.10||10.00|0.00|8.10\r": Reason.SPLIT_FIELD,
        b"ZYB||38.10|20.00|10.00|0.00|8.10\r": Reason.SPLIT_FIELD,
        b"ZYB|S1|38.10|-1.00|10.00|0.00|8.10\r": Reason.SPLIT_NEGATIVE,
    }
    for segment, reason in wrong.items():
        assert refused(changed() + segment, setting).reason == reason


def test_a_time_far_ahead_becomes_readable_when_its_day_comes():
    """The only judgement that looks at a clock, and it never takes an acceptance back."""
    ahead = changed(EVN_2="20260710000000+0800")
    assert refused(ahead).reason == Reason.TIME_INVALID
    assert accepted(ahead, now=NOW + 7 * 24 * 3600 * 1000)


def test_escapes_are_undone_in_leaf_values_only():
    """A separator inside a value is written as an escape and comes back."""
    body = accepted(changed(FT1_1_7="A\\S\\1^name \\T\\ more\\F\\x^NHSA")).body
    assert isinstance(body, PostCharge)
    assert (body.lines[0].item.code, body.lines[0].item.name) == ("A^1", "name & more|x")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("\\X41C3A9\\", "Aé"),
        ("a\\.br\\b", "a\nb"),
        ("\\E\\F\\E\\", "\\F\\"),
        ("\\Z9\\", "\\Z9\\"),
        ("50\\", "50\\"),
        ("\\XZZ\\", "\\XZZ\\"),
        ("\\H\\bold\\N\\", "\\H\\bold\\N\\"),
    ],
)
def test_each_escape_sequence(raw: str, text: str):
    """Known sequences are undone, others stay as sent."""
    assert unescape(raw, STANDARD) == text


def test_our_own_text_is_escaped():
    """What we write can be read back."""
    assert unescape(escape("a|b^c~d&e\\f", STANDARD), STANDARD) == "a|b^c~d&e\\f"
    assert escape("a\rb", STANDARD) == "a b"


def test_separators_with_and_without_subcomponent_and_truncation():
    """Three, four and five characters in MSH-2."""
    assert separators_of("MSH|^~\\|A") == separators_of("MSH|^~\\|B")
    assert separators_of("MSH|^~\\|A").subcomponent == ""
    assert separators_of("MSH|^~\\&#|A").subcomponent == "&"
    assert separators_of("MSH|^~\\&#!|A") is None


@pytest.mark.parametrize("text", ["FT1", "FT1-0", "FT1-1.0", "ft1-1", "FT1-1.1.1.1", "FT1-x", ""])
def test_positions_are_checked(text: str):
    """A profile cannot name a place that does not exist."""
    with pytest.raises(ValueError, match="position"):
        place(text)
