"""How the time of a run grows with the class, drawn from what was measured.

    python -m benchmarks.growth_plot

Reads ``results/batch_throughput.json`` (stand-ins for gradings: the engine's own cost) and, where
it is there, ``results/batch_class.json`` (a class that was graded for real, or a list of such).
Both axes are logarithmic, so that time that grows with the class is a straight line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import log10
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
PLOT = RESULTS / "batch_throughput.svg"
WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BELOW = 64, 24, 58, 44
ENGINE, REAL = "#0b5cad", "#b3400f"
Point = tuple[float, float, str]
"""Students, seconds, and what is written beside it."""


def engine_points(found: dict[str, dict[str, float]]) -> list[Point]:
    """Of the stand-ins."""
    seconds = found["seconds_by_students"]
    assert isinstance(seconds, dict)
    return [(int(n), taken, _duration(taken)) for n, taken in seconds.items()]


def real_points(path: Path) -> list[Point]:
    """Of classes that were graded for real; none where there was none."""
    if not path.exists():
        return []
    found = json.loads(path.read_text())
    runs = found if isinstance(found, list) else [found]
    return [
        (run["students"], run["wall_s"], f"{run['gradings']} programs, {_duration(run['wall_s'])}")
        for run in runs
    ]


def draw(engine: list[Point], real: list[Point], *, title: str) -> str:
    """The drawing as SVG."""
    points = engine + real
    low_x, high_x = _decades([x for x, _, _ in points])
    low_y, high_y = _decades([y for _, y, _ in points])

    def at(x: float, y: float) -> tuple[float, float]:
        across = (log10(x) - low_x) / (high_x - low_x) * (WIDTH - LEFT - RIGHT)
        up = (log10(y) - low_y) / (high_y - low_y) * (HEIGHT - TOP - BELOW)
        return round(LEFT + across, 1), round(HEIGHT - BELOW - up, 1)

    def axes() -> Iterator[str]:
        for power in range(low_x, high_x + 1):
            x, y = at(10**power, 10**low_y)
            yield f'<path d="M{x},{TOP}V{y}" stroke="#ddd"/>'
            yield f'<text x="{x}" y="{y + 16}" text-anchor="middle">{10**power:,}</text>'
        for power in range(low_y, high_y + 1):
            x, y = at(10**low_x, 10**power)
            yield f'<path d="M{x},{y}H{WIDTH - RIGHT}" stroke="#ddd"/>'
            yield f'<text x="{x - 8}" y="{y + 4}" text-anchor="end">{10**power:,} s</text>'

    def series(of: list[Point], colour: str, *, line: bool) -> Iterator[str]:
        dots = [at(x, y) for x, y, _ in of]
        if line:
            path = " ".join(f"{x},{y}" for x, y in dots)
            yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for (x, y), (_, _, told) in zip(dots, of, strict=True):
            yield f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>'
            shift, anchor = (-8, "end") if x > 2 * LEFT else (8, "start")
            place = f'x="{x + shift}" y="{y - 8}" text-anchor="{anchor}"'
            yield f'<text {place} fill="{colour}">{told}</text>'

    parts = [
        (
            f'<text x="{LEFT}" y="20" font-size="14" font-weight="bold">'
            "Time of a run by size of the class</text>"
        ),
        f'<text x="{LEFT}" y="40" fill="{ENGINE}">{title}</text>',
        *axes(),
        *series(engine, ENGINE, line=True),
        *series(real, REAL, line=False),
        (
            f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">'
            "students</text>"
        ),
    ]
    if real:
        parts.append(
            f'<text x="{WIDTH - RIGHT}" y="20" fill="{REAL}" text-anchor="end">graded for real'
            "</text>"
        )
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="#fff"/>'
        f"\n{body}\n</svg>\n"
    )


def _decades(values: list[float]) -> tuple[int, int]:
    low, high = int(log10(min(values)) // 1), -int(-log10(max(values)) // 1)
    return low, max(high, low + 1)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def main() -> None:
    """Draw what was measured."""
    engine = json.loads((RESULTS / "batch_throughput.json").read_text())["engine"]
    load = engine.get("load_average")
    title = (
        f"the engine's own cost: every grading a stand-in that waits {engine['grading_s']:g} s, "
        f"{engine['workers']} at a time" + (f"; load average {load}" if load else "")
    )
    PLOT.write_text(
        draw(engine_points(engine), real_points(RESULTS / "batch_class.json"), title=title)
    )


if __name__ == "__main__":
    main()
