"""Small drawings as inline SVG. Colours and strokes are in style.css; numbers stand beside every drawing as text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

from crowdtune.annotations import Floats
from crowdtune.report.wording import count, decimal, known, share

WIDE, HIGH = 360, 190  # of a line chart, in its own units
HIGH_SQUARE = 300  # of a chart of two numbers on one scale
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 26
TICKS = 4
DOTS = 24  # points of a line up to which each is marked
LANE, MIDDLE = 132, 7  # pixels of the axis of an annotator's interval, and its middle
FAINT = 0.015  # share below which a cell of a small matrix stays empty
FULL = 0.6  # share of a mix-up from which its colour is full


def lane(value: float | None, low: float | None, high: float | None, sign: str) -> Markup:
    """An annotator's reliability and its interval from 0 to 1; the chance line is drawn once and used by all.

    Args:
        value: a share, or None.
        low: end of its interval, or None.
        high: the other end.
        sign: class that says where the interval lies: above, below, open or bare.
    """
    drawn = ['<use href="#chance"/>']
    if known(low) and known(high):
        drawn.append(f'<path d="M{_pixel(low)} {MIDDLE}H{_pixel(high)}"/>')
    if known(value):
        drawn.append(_dot(_pixel(value), sign))
    return Markup(f'<svg class="lane {sign}" aria-hidden="true">{"".join(drawn)}</svg>')


def sample(sign: str) -> Markup:
    """An interval for the legend."""
    reach = "" if sign == "bare" else f'<path d="M4 {MIDDLE}H40"/>'
    return Markup(f'<svg class="lane sample {sign}" aria-hidden="true">{reach}{_dot("22", sign)}</svg>')


def _dot(x: str, sign: str) -> str:
    """A diamond where worse than chance, else a circle, whose height and radius are in the style."""
    if sign == "below":
        return f'<path class="dot" d="M{x} {MIDDLE - 5}l5 5l-5 5l-5-5z"/>'
    return f'<circle cx="{x}"/>'


def chance_line(chance: float) -> Markup:
    """The axis of every lane, to be used by reference: a rail and the line of chance."""
    x = _pixel(chance)
    return Markup(
        f'<svg class="defs" aria-hidden="true"><defs><g id="chance"><path class="rail" d="M0 {MIDDLE}H{LANE}"/>'
        f'<path class="chance" d="M{x} 0V{2 * MIDDLE}"/></g></defs></svg>'
    )


def _pixel(value: float | None) -> str:
    place = 6 + (LANE - 12) * min(max(float(value or 0), 0), 1)
    return f"{place:.1f}".removesuffix(".0")


def whisker(
    value: float | None, low: float | None, high: float | None, floor: float, marks: Sequence[float] = ()
) -> Markup:
    """A value and its interval on an axis from `floor` to 1, as wide as its place.

    Args:
        value: of the measure.
        low: end of its interval, or None.
        high: the other end.
        floor: where the axis begins, -1 or 0.
        marks: values marked by a thin line.
    """

    def at(v: float) -> str:
        return f"{(min(max(v, floor), 1) - floor) / (1 - floor) * 100:.2f}%"

    drawn = ['<line class="rail" x1="0" x2="100%" y1="9" y2="9"/>']
    drawn += [f'<line class="mark" x1="{at(m)}" x2="{at(m)}" y1="1" y2="17"/>' for m in marks]
    if floor < 0:
        drawn.append(f'<line class="zero" x1="{at(0)}" x2="{at(0)}" y1="1" y2="17"/>')
    if known(low) and known(high):
        drawn.append(f'<line class="reach" x1="{at(low or 0)}" x2="{at(high or 0)}" y1="9" y2="9"/>')
    if known(value):
        drawn.append(f'<circle cx="{at(value or 0)}" cy="9" r="5"/>')
    return Markup(f'<svg class="whisker" aria-hidden="true">{"".join(drawn)}</svg>')


def distance(value: float, error: float | None, low: float, high: float) -> Markup:
    """A value and its 95 % interval on an axis from `low` to `high`."""
    width = (high - low) or 1.0
    place, reach = (value - low) / width, 1.96 * (error or 0.0) / width
    return whisker(place, place - reach, place + reach, 0.0)


def bar(value: float | None, mark: float | None = None, sign: str = "") -> Markup:
    """A share as a bar, and another as a line across it.

    Args:
        value: a share.
        mark: where to draw the line, or None.
        sign: class of the bar.
    """
    drawn = f'<rect class="rail" width="100%" height="100%"/><rect width="{_percent(value)}" height="100%"/>'
    if known(mark):
        drawn += f'<line x1="{_percent(mark)}" x2="{_percent(mark)}" y1="0" y2="100%"/>'
    return Markup(f'<svg class="bar {sign}" aria-hidden="true">{drawn}</svg>')


def _percent(value: float | None) -> str:
    return f"{min(max(float(value), 0), 1) * 100:.1f}%" if value is not None and known(value) else "0"


def matrix(shares: Floats, choices: Sequence[str]) -> Markup:
    """A (K, K) confusion matrix without numbers: rows are truths, columns what was said; NaN where unknown."""
    cells = []
    for t, k in np.argwhere(np.nan_to_num(shares) >= FAINT).tolist():
        strength = shares[t, k] if t == k else min(shares[t, k] / FULL, 1)
        opacity = f"{strength:.2f}".lstrip("0") or "0"
        cells.append(f'<path class="{"right" if t == k else "wrong"}" fill-opacity="{opacity}" d="M{k} {t}h1v1h-1z"/>')
    size = len(shares)
    grid = "".join(f"M{i} 0v{size}M0 {i}h{size}" for i in range(size + 1))
    said = "; ".join(
        f"where the truth is {choices[t]}, says so {share(shares[t, t])}" for t in range(size) if known(shares[t, t])
    )
    return Markup(
        f'<svg class="matrix" role="img" aria-label="{escape(said)}" viewBox="-.02 -.02 {size + 0.04} {size + 0.04}">'
        f'{"".join(cells)}<path class="grid" d="{grid}"/></svg>'
    )


def curve(points: Sequence[tuple[float, float]], name: str, *, of_one: bool) -> Markup:
    """A line over training steps.

    Args:
        points: at least two (step, value), in the order logged.
        name: of the values, for those who do not see the line.
        of_one: the values are shares: the axis is percent.
    """
    x = np.array([p[0] for p in points], dtype=np.float64)
    y = np.array([p[1] for p in points], dtype=np.float64)
    marks = _ticks(float(y.min()), float(y.max()), top=1.0 if of_one else np.inf)
    low, high = marks[0], marks[-1]
    across = LEFT + (x - x.min()) / (np.ptp(x) or 1) * (WIDE - LEFT - RIGHT)
    up = HIGH - BOTTOM - (y - low) / (high - low) * (HIGH - TOP - BOTTOM)
    write = share if of_one else decimal
    drawn = []
    for mark in marks:
        place = HIGH - BOTTOM - (mark - low) / (high - low) * (HIGH - TOP - BOTTOM)
        drawn.append(f'<path class="rule" d="M{LEFT} {place:.1f}H{WIDE - RIGHT}"/>')
        drawn.append(f'<text class="y" x="{LEFT - 7}" y="{place + 3.5:.1f}">{write(float(mark))}</text>')
    drawn.append(f'<text class="first" x="{LEFT}" y="{HIGH - 7}">step {count(x.min())}</text>')
    drawn.append(f'<text class="last" x="{WIDE - RIGHT}" y="{HIGH - 7}">{count(x.max())}</text>')
    line = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(across, up, strict=True))
    drawn.append(f'<path class="line" d="M{line}"/>')
    places = zip(across, up, strict=True) if len(points) <= DOTS else [(across[-1], up[-1])]
    drawn += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.6"/>' for a, b in places]
    said = f"{name}: {write(float(y[0]))} at step {count(x[0])}, {write(float(y[-1]))} at step {count(x[-1])}"
    return Markup(
        f'<svg class="curve" role="img" aria-label="{escape(said)}" viewBox="0 0 {WIDE} {HIGH}">{"".join(drawn)}</svg>'
    )


def against(x: Floats, y: Floats, means: Sequence[tuple[float, float]], name: str, *, most: float) -> Markup:
    """Dots of two numbers on one scale, a line through means, and the diagonal where both are the same.

    Args:
        x: (n,) places from left to right, >= 0.
        y: (n,) places upwards, >= 0.
        means: (x, y) of the line, from left to right.
        name: of the drawing, for those who do not see it; the means are told with it.
        most: what neither number can exceed, where the axes end at the latest.
    """
    marks = _ending(_ticks(0.0, float(max(x.max(), y.max(), 1e-6))), most)
    size = HIGH_SQUARE - TOP - BOTTOM

    def at(a: float, b: float) -> tuple[str, str]:
        return f"{LEFT + a / marks[-1] * size:.1f}", f"{HIGH_SQUARE - BOTTOM - b / marks[-1] * size:.1f}"

    drawn = []
    for mark in marks:
        (across, ground), (_, up) = at(mark, 0), at(0, mark)
        drawn.append(f'<path class="rule" d="M{LEFT} {up}h{size}"/>')
        drawn.append(f'<text class="y" x="{LEFT - 7}" y="{float(up) + 3.5:.1f}">{decimal(float(mark))}</text>')
        drawn.append(f'<text class="x" x="{across}" y="{float(ground) + 16:.1f}">{decimal(float(mark))}</text>')
    (left, bottom), (right, top) = at(0, 0), at(marks[-1], marks[-1])
    drawn.append(f'<path class="same" d="M{left} {bottom}L{right} {top}"/>')
    drawn += ['<circle class="spot" cx="{}" cy="{}" r="2.4"/>'.format(*at(a, b)) for a, b in zip(x, y, strict=True)]
    line = [at(a, b) for a, b in means]
    drawn.append(f'<path class="line" d="M{"L".join(" ".join(place) for place in line)}"/>')
    drawn += [f'<circle cx="{a}" cy="{b}" r="3.4"/>' for a, b in line]
    said = f"{name}: " + "; ".join(f"{decimal(b)} where it is {decimal(a)}" for a, b in means)
    box = f"0 0 {LEFT + size + RIGHT} {HIGH_SQUARE}"
    return Markup(
        f'<svg class="curve against" role="img" aria-label="{escape(said)}" viewBox="{box}">{"".join(drawn)}</svg>'
    )


def _ticks(low: float, high: float, top: float = np.inf) -> Floats:
    """About `TICKS` round numbers from below `low` to above `high`, none above `top`."""
    width = (high - low) or abs(high) or 1.0
    rough = width / TICKS
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * min((m for m in (1, 2, 2.5, 5, 10) if m * power >= rough), default=10)
    first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
    marks = np.arange(first, max(last, first + 1) + 0.5) * step
    kept = marks[marks <= top + 1e-9]
    return np.asarray(kept if len(kept) > 1 else marks)


def _ending(marks: Floats, most: float) -> Floats:
    """Marks from 0 up of which the last is `most`, where they go beyond; none is nearer to it than half a step."""
    if marks[-1] <= most or most <= 0:
        return marks
    return np.append(marks[marks <= most - (marks[1] - marks[0]) / 2], most)
