"""A run's latencies as a picture: over time, and how they are distributed. SVG, written by hand: no library is needed.

Latencies span decades, so both pictures have a logarithmic axis for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

from chatctl.bench.plan import Plan, Result

WIDTH, HEIGHT = 900, 640
_LEFT, _RIGHT = 70, 24
_TOP, _PLOT, _GAP = 84, 210, 84
_COLOURS = {"p50": "#1b7f5c", "p99": "#c9731b", "most": "#a33b3b"}
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#333}.title{font-size:17px;font-weight:600}.small{font-size:11px}"
    ".grid{stroke:#ddd}.axis{stroke:#888}"
)

Scale = Callable[[float], float]


def svg(plan: Plan, result: Result) -> str:
    """Return the HTML file. The result must have latencies."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">',
        f'<style>{_STYLE}</style><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(_LEFT, 28, _title(plan, result), "title"),
        _text(
            _LEFT, 48, ", ".join(f"{name} {result.latencies[name]:.2f} ms" for name in ("p50", "p99", "p99.9", "max"))
        ),
    ]
    parts += _over_time(result, _TOP)
    parts += _distribution(result, _TOP + _PLOT + _GAP)
    return "\n".join([*parts, "</svg>", ""])


def _title(plan: Plan, result: Result) -> str:
    pace = f"{plan.rate:g} messages/s" if plan.rate else f"{result.rate:,.0f} deliveries/s"
    return f"{plan.host}:{plan.port}: {plan.clients:,} clients, {plan.rooms:,} room{'s' * (plan.rooms != 1)}, {pace}"


def _over_time(result: Result, top: float) -> list[str]:
    times = [line[0] for line in result.timeline]
    low, high = _decades([line[1] for line in result.timeline], [line[3] for line in result.timeline])
    x = _linear(0.0, max(result.seconds, times[-1]), _LEFT, WIDTH - _RIGHT)
    y = _log(low, high, top + _PLOT, top)
    parts = [_text(_LEFT, top - 14, "Latency over time, ms"), *_grid_y(low, high, y)]
    for at in _round_steps(max(result.seconds, times[-1])):
        parts.append(_text(x(at), top + _PLOT + 18, f"{at:g} s", "small", "middle"))
    for at, (name, colour) in enumerate(_COLOURS.items()):
        points = " ".join(f"{x(line[0]):.1f},{y(line[at + 1]):.1f}" for line in result.timeline)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        parts.append(_text(WIDTH - _RIGHT - 150 + 55 * at, top - 14, name, colour=colour))
    return parts


def _distribution(result: Result, top: float) -> list[str]:
    bounds = [bound for bound, _ in result.histogram]
    low, high = bounds[0] ** 2 / bounds[1] if len(bounds) > 1 else bounds[0] / 2, bounds[-1]
    most = max(count for _, count in result.histogram)
    x = _log(low, high, _LEFT, WIDTH - _RIGHT)
    parts = [_text(_LEFT, top - 14, "Distribution: deliveries by latency, ms")]
    left = x(low)
    for bound, count in result.histogram:
        tall = _PLOT * count / most
        right = x(bound)
        parts.append(
            f'<rect x="{left:.1f}" y="{top + _PLOT - tall:.1f}" width="{max(0.5, right - left - 1):.1f}"'
            f' height="{tall:.1f}" fill="#7aa6c2"/>'
        )
        left = right
    for value in _log_ticks(low, high):
        parts.append(_text(x(value), top + _PLOT + 18, f"{value:g}", "small", "middle"))
    parts.append(_line(_LEFT, top + _PLOT, WIDTH - _RIGHT, top + _PLOT, "axis"))
    for at, (name, colour) in enumerate((("p50", "#1b7f5c"), ("p99", "#c9731b"), ("p99.9", "#a33b3b"))):
        place = x(min(high, max(low, result.latencies[name])))
        parts.append(f'<line x1="{place:.1f}" y1="{top}" x2="{place:.1f}" y2="{top + _PLOT}" stroke="{colour}"/>')
        parts.append(_text(place + 4, top + 12 + 14 * at, name, "small", colour=colour))
    return parts


def _grid_y(low: float, high: float, y: Scale) -> list[str]:
    parts = []
    for value in _log_ticks(low, high):
        parts.append(_line(_LEFT, y(value), WIDTH - _RIGHT, y(value), "grid"))
        parts.append(_text(_LEFT - 8, y(value) + 4, f"{value:g}", "small", "end"))
    return parts


def _decades(lows: Sequence[float], highs: Sequence[float]) -> tuple[float, float]:
    """Return bounds of a logarithmic axis, a little wider than the data."""
    low, high = max(1e-4, min(lows)), max(highs)
    return low / 1.2, max(high, low * 1.5) * 1.2


def _log_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, ... between the bounds; only the powers of ten where these are many."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first <= 3 else (1,)
    values = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    return [value for value in values if low <= value <= high]


def _round_steps(end: float) -> list[float]:
    """Up to ten round numbers from 0 to `end`."""
    rough = end / 8
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [step * number for number in range(int(end / step) + 1)]


def _linear(low: float, high: float, start: float, end: float) -> Scale:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def _log(low: float, high: float, start: float, end: float) -> Scale:
    scale = _linear(math.log10(low), math.log10(high), start, end)
    return lambda value: scale(math.log10(max(value, low)))


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "start", colour: str = "") -> str:
    fill = f' style="fill:{colour}"' if colour else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}"{fill}>{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'
