"""Oracle: what a reader of the answer would say its number is; a formatter whose numbers are known."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdtune.denoise._numbers import every, is_one, number

READ = {
    1234.5: ["1,234.50", "1234.5", "$1,234.50", "1.234,50 €", "1 234.50", "1'234.5", "It costs 1,234.5 dollars."],
    42: ["42", "42.0", "$42", "US$42", "USD42", "42.", "42km", "42nd", "The answer is 42.", "6 x 7 = 42", "٤٢", "４２",
         "答案是42", "48/2=<<48/2=24>>24\n#### 42", r"so \boxed{42}, or 41", "Answer: 42 (of 2 ways)",
         "The answer is 42. I checked 2 times."],
    -5: ["-5", "\u22125", "-$5", "$-5", "x = -5", "from 3 to -5"],
    0.75: ["3/4", "¾", r"\frac{3}{4}", "3 / 4 of it", "75e-2", ".75"],
    3.5: ["3½", "3 1/2", "7/2"],
    1.2e5: ["1.2e5", "1.2E+5", "1.2 x 10^5", "1.2×10⁵", "120,000", "120 000", "120 thousand", r"1.2 \times 10^{5}"],
    5e6: ["5 million", "5.000.000", "5,000,000"],
    5: ["5 m²", "3-5", "20 - 15 = 5", "+5"],
    3: ["1,2,3", "1, 2, 3", "1 2 3"],
}  # fmt: skip
NONE = ["", " ", "no idea", "x2", "H2O", "12:30", "2020-12-25", "25/12/2020", "1.2.3", "1/0", "9" * 400, "1e999", "²"]


@pytest.mark.parametrize(("value", "text"), [(value, text) for value, texts in READ.items() for text in texts])
def test_the_last_or_marked_number_is_read(value: float, text: str) -> None:
    found = number(text)
    assert found is not None
    assert found.value == pytest.approx(value, rel=1e-12)
    assert not found.percent


@pytest.mark.parametrize("text", NONE)
def test_what_holds_no_number(text: str) -> None:
    assert number(text) is None
    assert not is_one(text)


@pytest.mark.parametrize("text", ["20%", "20 %", "20 percent", "20 per cent", "20.0 pct"])
def test_percents_say_so(text: str) -> None:
    found = number(text)
    assert found is not None
    assert (found.value, found.percent) == (20, True)


@pytest.mark.parametrize(
    ("text", "one"),
    [("42", True), ("It is 42 km", True), ("48 + 24 = 72", False), ("48 + 24 = 72 #### 72", True), ("2 or 3", False)],
)
def test_which_answers_leave_no_doubt(text: str, one: bool) -> None:
    assert is_one(text) == one


def test_all_numbers_of_a_text() -> None:
    assert every("from 1,000 to -2.5, at 12:30, 10 %") == (-2.5, 10, 1000)


@given(
    st.integers(-(10**12), 10**12),
    st.sampled_from(["{}", "${:,}", "so {:,}.", "{:_}", "x = {}", "{:,}.00 kg", "#### {}"]),
)
def test_written_numbers_are_read_back(value: int, wording: str) -> None:
    found = number(wording.format(value))
    assert found is not None
    assert found.value == value


@given(st.floats(-1e15, 1e15, allow_subnormal=False))
def test_floats_are_read_back(value: float) -> None:
    found = number(f"it is {value!r}")
    assert found is not None
    assert math.isclose(found.value, value, rel_tol=1e-12, abs_tol=0)


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("0123456789.,:/-%$ eE^{}\\½⁵×"))))
def test_any_text_is_read(text: str) -> None:
    found = number(text)
    assert found is None or math.isfinite(found.value)
    assert not is_one(text) or found is not None
    assert every(text) == tuple(sorted(every(text)))


@pytest.mark.parametrize(
    "piece", ["1 111", "111 ", "1,", "1/", "1.", "1:", "{", r"\boxed{", "answer is ", "-", "$", "²"]
)
def test_long_texts_take_no_longer(piece: str) -> None:
    """A pattern that backtracks would take minutes."""
    number(piece * (100_000 // len(piece)))
