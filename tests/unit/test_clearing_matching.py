"""Books compared by number: each difference once, with its cause; nothing is netted away."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from hub.clearing.books import Book, Entry, next_day, of_day
from hub.clearing.causes import WORDS, Cause
from hub.clearing.matching import Neighbours, causes, compare
from schemas.city_time import city_date, day_start

DAY = date(2026, 7, 3)
NOON = day_start(DAY) + 43_200_000


def paid(key: str, fen: int = 810, **more: object) -> Entry:
    """Return a payment at noon."""
    return Entry("payment", key, fen, NOON, **more)


def refunded(key: str, fen: int = 300) -> Entry:
    """Return a refund at noon."""
    return Entry("refund", key, -fen, NOON)


def against(ours: list[Entry], theirs: list[Entry], around: Neighbours | None = None) -> list[tuple[Cause, str, int]]:
    """Return cause, number and difference of everything that differs."""
    found = compare(Book("hub", tuple(ours)), Book("alipay", tuple(theirs)), around)
    assert found.unique
    assert found.proven
    assert sum(d.difference_fen for d in found.sets[0]) == found.difference_fen
    return [(d.cause, d.key, d.difference_fen) for d in found.sets[0]]


def test_equal_books_have_an_empty_difference():
    """A day without differences is the empty set, and says how many rows agree."""
    found = compare(Book("hub", (paid("A"), refunded("R"))), Book("alipay", (refunded("R"), paid("A"))))
    assert found.equal
    assert found.matched == 2


def test_each_cause_of_domain_11_is_told_apart():
    """Late callback, partial refund, day cut, duplicate, missing on either side, another amount."""
    ours = [paid("same"), paid("cut"), paid("gone"), paid("fen"), paid("twice"), paid("twice"), paid("open", open=True)]
    theirs = [paid("same"), paid("fen", 811), paid("twice"), paid("open"), paid("foreign"), refunded("back")]
    around = Neighbours(theirs={("payment", "cut")})
    assert against(ours, theirs, around) == [
        (Cause.DAY_CUT, "cut", 810),
        (Cause.AMOUNT_DIFFERS, "fen", -1),
        (Cause.MISSING_HERE, "foreign", -810),
        (Cause.MISSING_THERE, "gone", 810),
        (Cause.LATE_CALLBACK, "open", -810),
        (Cause.DUPLICATE, "twice", 810),
        (Cause.PARTIAL_REFUND, "back", 300),
    ]


def test_the_difference_of_experience_2_is_one_day_cut():
    """8.10 paid at 23:59:58 stands in the file of the next day: one entry explains it."""
    late = Entry("payment", "DB", 810, day_start(next_day(DAY)) - 2_000)
    found = against([paid("A", 12_843_190), late], [paid("A", 12_843_190)], Neighbours(theirs={("payment", "DB")}))
    assert found == [(Cause.DAY_CUT, "DB", 810)]


def test_differences_that_cancel_out_are_both_reported():
    """Totals agree and the books do not."""
    found = compare(Book("hub", (paid("A"),)), Book("alipay", (paid("B"),)))
    assert found.difference_fen == 0
    assert not found.equal
    assert [d.cause for d in found.sets[0]] == [Cause.MISSING_THERE, Cause.MISSING_HERE]


def test_an_open_order_that_the_channel_does_not_know_is_no_difference():
    """Nothing happened yet that could differ."""
    assert against([paid("A", open=True)], []) == []


def test_a_bare_total_is_explained_by_the_fewest_entries_it_leaves_out():
    """A bank that confirms only a sum: which of our rows it lacks is searched for."""
    ours = Book("hub", (paid("A", 500), paid("B", 810), paid("C", 1_300)))
    found = compare(ours, Book("bank", (), stated_fen=1_800))
    assert [[(d.cause, d.key, d.difference_fen) for d in each] for each in found.sets] == [
        [(Cause.NOT_COUNTED, "B", 810)]
    ]
    assert (found.unique, found.matched) == (True, 2)
    doubled = compare(ours, Book("bank", (), stated_fen=3_110))
    assert [(d.cause, d.difference_fen) for d in doubled.sets[0]] == [(Cause.DUPLICATE, -500)]


def test_a_bare_total_with_two_smallest_explanations_shows_both():
    """Two rows of one amount: several sets, none is chosen."""
    found = compare(Book("hub", (paid("A"), paid("B"), paid("C", 5))), Book("bank", (), stated_fen=815))
    assert [each[0].key for each in found.sets] == ["A", "B"]
    assert not found.unique


@given(
    st.dictionaries(st.text("ABCDEFGH", min_size=1, max_size=3), st.integers(1, 10**7), min_size=4, max_size=20),
    st.data(),
)
def test_planted_faults_are_found_one_for_one_with_their_causes(amounts, data):
    """As many differences as faults were planted, each with the cause of its fault."""
    ours = [paid(key, fen) for key, fen in amounts.items()]
    theirs = list(ours)
    planted: dict[str, Cause] = {}
    kinds = st.sampled_from((Cause.MISSING_THERE, Cause.MISSING_HERE, Cause.AMOUNT_DIFFERS, Cause.DUPLICATE))
    for key in data.draw(st.lists(st.sampled_from(sorted(amounts)), unique=True)):
        cause = planted[key] = data.draw(kinds)
        entry = paid(key, amounts[key])
        if cause is Cause.MISSING_THERE:
            theirs.remove(entry)
        elif cause is Cause.MISSING_HERE:
            ours.remove(entry)
        elif cause is Cause.AMOUNT_DIFFERS:
            theirs[theirs.index(entry)] = paid(key, amounts[key] + 1)
        else:
            theirs.append(entry)
    found = compare(Book("hub", tuple(ours)), Book("alipay", tuple(theirs)))
    assert {d.key: d.cause for d in found.sets[0]} == planted
    assert sum(causes([found]).values()) == len(planted)
    assert found.equal == (not planted)


def test_the_city_day_of_an_instant_is_that_of_shanghai():
    """16:00 UTC is midnight there."""
    assert city_date(day_start(DAY)) == DAY
    assert city_date(day_start(DAY) - 1) == date(2026, 7, 2)
    rows = (paid("A"), Entry("payment", "B", 1, day_start(next_day(DAY))))
    assert of_day(rows, DAY) == rows[:1]


def test_every_cause_has_words_and_a_remedy_in_both_languages():
    """The table is whole."""
    assert set(WORDS) == set(Cause)
    assert all(all(words) for words in WORDS.values())


def test_rows_are_compared_though_their_book_states_a_total_too():
    """A bill file with rows and a sum of its own: the rows tell which entry differs, the stated sum is its total."""
    theirs = Book("alipay", (paid("A"), paid("B", 500)), stated_fen=1_310)
    found = compare(Book("hub", (paid("A"), paid("B", 501))), theirs)
    assert [(d.cause, d.key, d.difference_fen) for d in found.sets[0]] == [(Cause.AMOUNT_DIFFERS, "B", 1)]
    assert (found.theirs_fen, found.difference_fen) == (1_310, 1)


def test_a_difference_names_the_gateways_own_number_where_either_side_knows_it():
    """Theirs first, as a person asks the gateway by it; ours where theirs has none."""
    ours = [paid("A", trade_no="T1"), paid("B", trade_no="T2"), paid("C", trade_no="T3")]
    theirs = [paid("A", 1, trade_no="G1"), paid("B", 1)]
    found = compare(Book("hub", tuple(ours)), Book("alipay", tuple(theirs)))
    assert [(d.key, d.trade_no) for d in found.sets[0]] == [("A", "G1"), ("B", "T2"), ("C", "T3")]
