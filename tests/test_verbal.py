"""Distributions as sentences: read back what was written, read what others write, and refuse the rest."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from crowdtune.verbal import parse, written

WORDS = ["negative", "neutral", "positive"]
names = st.lists(st.text(min_size=1, max_size=12).map(str.strip).filter(bool), min_size=1, max_size=6, unique=True)
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
shares = st.floats(0, 1, allow_subnormal=False)


@st.composite
def distributions(draw):
    choices = draw(names)
    raw = [draw(shares) for _ in choices]
    raw[draw(st.integers(0, len(raw) - 1))] += 0.5
    return [share / sum(raw) for share in raw], choices


@patient
@given(distributions())
@example(([0.5, 0.3, 0.2], ["grade 1", "grade 10", "grade"]))
@example(([0.5, 0.3, 0.2], ["1", "2", "10"]))
@example(([0.5, 0.5], ["yes: 30%, no", "no"]))
@example(([0.5, 0.5], ["a", "A"]))
@example(([1.0], ["<answer>"]))
@example(([0.5, 0.5], ["a", "a 5"]))
def test_what_is_written_is_read_back_to_the_rounding(case):
    exact, choices = case
    read = parse(written(exact, choices), choices)
    assert read is not None
    assert read.total == 1
    assert max(abs(a - b) for a, b in zip(read.shares, exact, strict=True)) <= 0.01


@patient
@given(st.text(), names)
def test_nothing_raises(text, choices):
    read = parse(text, choices)
    assert read is None or abs(sum(read.shares) - 1) < 1e-9


@patient
@given(
    st.lists(
        st.sampled_from([*WORDS, "{", "}", '"', ":", " ", ",", "%", "-", "1", "0.", "e9", "nan", "\n", "<answer>"])
    )
)
def test_nothing_raises_on_what_looks_like_an_answer(parts):
    read = parse("".join(parts), WORDS)
    assert read is None or (min(read.shares) >= 0 and abs(sum(read.shares) - 1) < 1e-9)


@pytest.mark.parametrize(
    "text",
    [
        "positive 10%, Negative 60%, NEUTRAL 30%",
        '{"negative": 0.6, "neutral": 0.3, "positive": 0.1}',
        '```json\n{"negative": "60%", "neutral": "30%", "positive": "10%"}\n```',
        "<answer>negative: 60, neutral: 30, positive: 10</answer>",
        "negative: 1%, no: <answer>negative=0.6 neutral=0.3 positive=0.1",
        "- negative: 60%\n- neutral: 30%\n- positive: 10%",
        "**negative** - 60%\n**neutral** is 30%\n**positive** -> 10%",
        "most are negative, so negative 60%, neutral 30% and positive 10%, that is positive 10%",
    ],
)
def test_other_forms_are_read(text):
    read = parse(text, WORDS)
    assert read is not None
    assert read.shares == pytest.approx((0.6, 0.3, 0.1))
    assert read.sums_to_one


@pytest.mark.parametrize(
    "text",
    [
        "",
        "negative",
        "negative 60%, neutral 40%",
        "negative 60%, neutral 30%, positive 10%, negative 50%",
        "negative -60%, neutral 30%, positive 10%",
        "negative nan, neutral 0.5, positive 0.5",
        "negative inf, neutral 0.5, positive 0.5",
        "negative 1e999, neutral 0.5, positive 0.5",
        "negative 0%, neutral 0%, positive 0%",
    ],
)
def test_what_is_no_distribution_is_none(text):
    assert parse(text, WORDS) is None


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("yes 60%, no 60%", 1.2),
        ("yes 0.6, no 0.6", 1.2),
        ("yes 60, no 60", 1.2),
        (json.dumps({"yes": 0.5, "no": 0}), 0.5),
    ],
)
def test_the_sum_as_written_is_kept(text, total):
    read = parse(text, ["yes", "no"])
    assert read is not None
    assert read.total == pytest.approx(total)
    assert not read.sums_to_one
