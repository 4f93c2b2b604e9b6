"""Charts as self-contained SVG, without a plotting library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195", "#444444")  # told apart by most
DASHES = ("none", "7 4", "2 3", "9 3 2 3")  # a second sign beside colour
WIDTH, HEIGHT = 940, 440
LEFT, TOP, BOTTOM = 70, 56, 58
LEGEND = 310  # room on the right
INK, GRID = "#222222", "#DDDDDD"


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Args:
        name: in the legend.
        points: (x, y) pairs from left to right; one pair is drawn flat over the whole width.
        spread: half the height of each point's whisker; () for none.
    """

    name: str
    points: Sequence[tuple[float, float]]
    spread: Sequence[float] = ()


@dataclass(frozen=True)
class _Scale:
    """Data to pixels along one axis."""

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, value = map(math.log10, (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return self.begin + (value - low) / (high - low) * (self.end - self.begin)


def line_chart(title: str, x_name: str, y_name: str, lines: Sequence[Line], *, log: bool = False) -> str:
    """Shares of 0..1 as percent against x.

    Args:
        title: above the chart.
        x_name: under the x axis.
        y_name: beside the y axis.
        lines: at least one of them with two points.
        log: put x on a logarithmic axis.
    """
    values = sorted({x for line in lines if len(line.points) > 1 for x, _ in line.points})
    x = _Scale(values[0], values[-1], LEFT, WIDTH - LEGEND, log)
    y = _Scale(0, 1, HEIGHT - BOTTOM, TOP)
    ticks = values if log else _round_ticks(values[0], values[-1])
    drawn = [*_frame(title, y_name, y), *(_x_tick(x(value), f"{value:g}") for value in ticks)]
    drawn.append(_text((LEFT + WIDTH - LEGEND) / 2, HEIGHT - 12, x_name, "middle"))
    for place, line in enumerate(lines):
        drawn += _drawn(line, place, x, y)
    return _page(HEIGHT, drawn)


def dot_chart(title: str, x_name: str, rows: Mapping[str, float]) -> str:
    """A dot for each row; shares as percent, 0 and 100 % marked.

    Args:
        title: above the chart.
        x_name: under the axis.
        rows: name -> share; drawn in that order from above.
    """
    height = TOP + BOTTOM + 34 * max(len(rows), 1)
    low = math.floor(min([0, *rows.values()]) * 10) / 10
    high = math.ceil(max([1, *rows.values()]) * 10) / 10
    left = 60 + 7.5 * max(map(len, rows), default=0)
    x = _Scale(low, high, left, WIDTH - 100)
    drawn = [_text(20, 28, title, "start", size=17)]
    for tick in _round_ticks(low, high):
        heavy = tick in (0, 1)
        drawn.append(_rule(x(tick), TOP, x(tick), height - BOTTOM, INK if heavy else GRID))
        drawn.append(_text(x(tick), height - BOTTOM + 20, f"{tick:.0%}", "middle"))
    for row, (name, share) in enumerate(rows.items()):
        at = TOP + 34 * row + 17
        drawn.append(_rule(x(0), at, x(share), at, COLOURS[0], 3))
        drawn.append(f'<circle cx="{x(share):.1f}" cy="{at}" r="6" fill="{COLOURS[0]}"/>')
        drawn.append(_text(left - 14, at + 5, name, "end"))
        beside = x(max(share, 0)) + 14
        drawn.append(_text(beside, at + 5, f"{share:.1%}", "start"))
    drawn.append(_text((left + WIDTH - 100) / 2, height - 12, x_name, "middle"))
    return _page(height, drawn)


def whisker_chart(
    title: str,
    x_name: str,
    rows: Mapping[str, Sequence[tuple[float, float, float]]],
    names: Sequence[str],
    marks: Mapping[str, float],
) -> str:
    """Dots with whiskers, one or several in a row, on a scale from 0 of their own.

    Args:
        title: above the chart.
        x_name: under the axis.
        rows: name -> value, low and high of each dot; drawn in that order from above.
        names: of the dots of a row, in the legend where there are several.
        marks: name -> where a line is drawn across all rows.
    """
    height = TOP + BOTTOM + 30 * max(len(rows), 1)
    left = 40 + 7.5 * max(map(len, rows), default=0)
    most = max([*marks.values(), *(high for dots in rows.values() for _, _, high in dots)], default=1.0)
    x = _Scale(0, most * 1.02, left, WIDTH - 40)
    drawn = [_text(20, 28, title, "start", size=17)]
    for tick in _round_ticks(0, most):
        drawn.append(_rule(x(tick), TOP, x(tick), height - BOTTOM, INK if tick == 0 else GRID))
        drawn.append(_text(x(tick), height - BOTTOM + 20, f"{tick:g}", "middle"))
    for name, value in marks.items():
        drawn += [_rule(x(value), TOP, x(value), height - BOTTOM, INK, 1.5), _text(x(value), TOP - 6, name, "middle")]
    for row, (name, dots) in enumerate(rows.items()):
        at = TOP + 30 * row + 15
        drawn.append(_text(left - 14, at + 5, name, "end"))
        for colour, (value, low, high) in zip(COLOURS, dots, strict=False):
            drawn.append(_rule(x(max(low, 0)), at, x(high), at, colour, 2))
            drawn.append(f'<circle cx="{x(value):.1f}" cy="{at}" r="5" fill="{colour}"/>')
    if len(names) > 1:
        for place, (colour, name) in enumerate(zip(COLOURS, names, strict=False)):
            drawn.append(f'<circle cx="{WIDTH - 300 + 90 * place}" cy="40" r="5" fill="{colour}"/>')
            drawn.append(_text(WIDTH - 290 + 90 * place, 45, name, "start"))
    drawn.append(_text((left + WIDTH - 40) / 2, height - 12, x_name, "middle"))
    return _page(height, drawn)


def _frame(title: str, y_name: str, y: _Scale) -> list[str]:
    drawn = [_text(20, 28, title, "start", size=17)]
    for tick in range(0, 101, 20):
        at = y(tick / 100)
        drawn.append(_rule(LEFT, at, WIDTH - LEGEND, at, INK if tick == 0 else GRID))
        drawn.append(_text(LEFT - 8, at + 5, f"{tick} %", "end"))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    turned = f'transform="rotate(-90 18 {middle})"'
    drawn.append(f'<text x="18" y="{middle}" text-anchor="middle" {turned}>{escape(y_name)}</text>')
    return drawn


def _drawn(line: Line, place: int, x: _Scale, y: _Scale) -> list[str]:
    """A line with its points, whiskers and place in the legend."""
    flat = len(line.points) == 1
    colour = COLOURS[place % len(COLOURS)]
    dash = "9 9" if flat else DASHES[place // len(COLOURS) % len(DASHES)]
    points = [(x.low, line.points[0][1]), (x.high, line.points[0][1])] if flat else line.points
    pixels = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in points)
    style = f'stroke="{colour}" stroke-width="2.2" stroke-dasharray="{dash}" stroke-dashoffset="{9 * place}"'
    drawn = [f'<polyline points="{pixels}" fill="none" {style}/>']
    if not flat:
        drawn += [f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="3.4" fill="{colour}"/>' for a, b in points]
        drawn += [
            _rule(x(a), y(min(b + s, 1)), x(a), y(max(b - s, 0)), colour, 1.2)
            for (a, b), s in zip(points, line.spread, strict=False)
            if s
        ]
    at = TOP + 12 + 24 * place
    drawn.append(f'<line x1="{WIDTH - LEGEND + 20}" y1="{at}" x2="{WIDTH - LEGEND + 50}" y2="{at}" {style}/>')
    drawn.append(_text(WIDTH - LEGEND + 58, at + 5, line.name, "start"))
    return drawn


def _round_ticks(low: float, high: float) -> list[float]:
    """About six round numbers from low to high."""
    rough = (high - low) / 5
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * m for m in (1, 2, 5, 10) if size * m >= rough * 0.999)
    return [round(step * i, 10) for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _x_tick(at: float, name: str) -> str:
    mark = _rule(at, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 6, INK)
    return mark + _text(at, HEIGHT - BOTTOM + 22, name, "middle")


def _rule(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, words: str, anchor: str, size: int = 13) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'


def _page(height: float, drawn: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" font-family="system-ui, sans-serif" font-size="13" fill="{INK}">'
    )
    back = f'<rect width="{WIDTH}" height="{height:.0f}" fill="white"/>'
    return "\n".join([head, back, *drawn, "</svg>"]) + "\n"
