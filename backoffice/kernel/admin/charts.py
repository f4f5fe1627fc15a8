"""Charts as unfold's chart components take them: JSON of Chart.js, and a sparkline as SVG. Each has its table beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

# Told apart by lightness too, for those who do not see the hue.
COLOURS = ("var(--color-primary-600)", "oklch(70% .15 55)", "oklch(60% .19 25)", "oklch(62% .12 200)", "oklch(55% .03 260)", "oklch(72% .12 145)")


@dataclass(frozen=True)
class Series:
    """One row of figures under a name, in the order of the chart's labels."""

    name: Any
    values: Sequence[int | float | Decimal]
    colour: str = ""


@dataclass(frozen=True)
class Chart:
    """Bars over labels, stacked when there are several series; ``unit`` heads the table's figures."""

    labels: Sequence[str]
    series: Sequence[Series]
    stacked: bool = True
    height: int = 220
    unit: Any = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not any(value for series in self.series for value in series.values)

    def data_json(self) -> str:
        sets = [
            {
                "label": str(series.name),
                "data": [float(value) for value in series.values],
                "backgroundColor": series.colour or COLOURS[number % len(COLOURS)],
                "borderRadius": 2,
            }
            for number, series in enumerate(self.series)
        ]
        return json.dumps({"labels": list(self.labels), "datasets": sets}, ensure_ascii=False)

    def options_json(self) -> str:
        # unfold's default has no y axis and bars of 3 px.
        options: dict[str, Any] = {
            "maintainAspectRatio": False,
            "responsive": True,
            "animation": False,
            "datasets": {"bar": {"maxBarThickness": 24}},
            "scales": {
                "x": {"stacked": self.stacked, "grid": {"display": False}, "ticks": {"maxRotation": 0, "autoSkipPadding": 12}},
                "y": {"display": True, "stacked": self.stacked, "beginAtZero": True, "ticks": {"precision": 0, "maxTicksLimit": 6}},
            },
            "plugins": {"legend": {"display": len(self.series) > 1, "position": "bottom", "labels": {"boxWidth": 12, "boxHeight": 12}}},
        }
        return json.dumps(options | dict(self.options))

    def rows(self) -> list[tuple[str, list[Any]]]:
        """The same figures as a table: label, then one value a series."""
        return [(label, [series.values[place] for series in self.series]) for place, label in enumerate(self.labels)]


def sparkline(values: Sequence[int | float | Decimal], *, label: Any = "", width: int = 120, height: int = 32) -> SafeString:
    """A trend without axes, as one SVG line; ``label`` says it in words for screen readers."""
    if len(values) < 2:
        return SafeString("")
    figures = [float(value) for value in values]
    low, high = min(0.0, *figures), max(figures)
    span = (high - low) or 1.0
    step = width / (len(figures) - 1)
    points = " ".join(f"{number * step:.1f},{height - 2 - (value - low) / span * (height - 4):.1f}" for number, value in enumerate(figures))
    return format_html(
        '<svg class="bo-spark" role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}" preserveAspectRatio="none">'
        '<polyline fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" points="{}"/></svg>',
        label,
        width,
        height,
        width,
        height,
        points,
    )
