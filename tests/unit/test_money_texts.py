"""Money as text, both ways: to the fen, with its sign, and refused where it is no amount (domain 2, protocols 0)."""

import pytest

from schemas.money import AmountSyntaxError, fen_from_text, yuan_text


@pytest.mark.parametrize(
    ("fen", "text"),
    [(0, "0.00"), (1, "0.01"), (-1, "-0.01"), (99, "0.99"), (100, "1.00"), (-100, "-1.00"), (1_834, "18.34")],
)
def test_fen_are_written_as_yuan_with_two_decimals_and_read_back(fen, text):
    """The text is exact in both directions."""
    assert yuan_text(fen) == text
    assert fen_from_text(text) == fen


@pytest.mark.parametrize(
    ("text", "fen"), [("18", 1_800), ("18.3", 1_830), ("18.3400", 1_834), ("-0.50", -50), ("007", 700)]
)
def test_fewer_decimals_and_superfluous_zeros_are_the_same_amount(text, fen):
    """No decimals are whole yuan, one is ten fen."""
    assert fen_from_text(text) == fen


@pytest.mark.parametrize("text", [".5", "-.50", ".05000"])
def test_an_amount_without_its_zero_is_read_only_where_the_profile_says_so(text):
    """`leading_dot` of a source."""
    with pytest.raises(AmountSyntaxError):
        fen_from_text(text)
    assert fen_from_text(text, leading_dot=True) == fen_from_text(text.replace(".", "0.", 1))


@pytest.mark.parametrize(
    "text", ["", ".", "-", "1.", "1.001", "+1", " 1", "1 ", "1,000", "1e2", "\uff11", "--1", "1" * 13]
)
def test_what_is_no_amount_is_refused_with_and_without_a_leading_dot(text):
    """An exponent, a plus sign, blanks, commas, full-width digits or a part of a fen."""
    for leading_dot in (False, True):
        with pytest.raises(AmountSyntaxError):
            fen_from_text(text, leading_dot=leading_dot)
