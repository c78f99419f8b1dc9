"""Numbers and results as Markdown: read on a terminal, pasted into a README."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from asda.scoring.intervals import Interval

TITLES = {"accuracy": "accuracy %", "mAP": "mAP %", "AUC": "AUC", "d_prime": "d′"}
SHOWN_CLASSES = 5
SHOWN_CONFUSIONS = 10


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return an aligned Markdown table."""
    lines = [[str(cell).replace("|", "\\|") for cell in row] for row in (header, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| "
        + " | ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    )


def number(metric: str, value: float | None, signed: bool = False) -> str:
    """Return a metric's value as printed: per cent for accuracy and mAP."""
    if value is None or math.isnan(value):
        return "–"
    percent = metric in ("accuracy", "mAP")
    digits = 1 if percent else 3
    return f"{100 * value if percent else value:{'+' if signed else ''}.{digits}f}"


def with_interval(metric: str, measured: dict[str, float], signed: bool = False) -> str:
    """Return "value [low, high]" of a metric as result.json holds it."""
    value, low, high = (number(metric, measured[key], signed) for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def with_deviation(metric: str, runs: dict[str, float | None]) -> str:
    """Return "mean ± standard deviation" of a metric over runs, as mean_and_deviation has them."""
    return f"{number(metric, runs['mean'])} ± {number(metric, runs['std'])}"


def difference(metric: str, interval: Interval) -> str:
    """Return "+value [low, high]" of a difference, with a star if the interval excludes 0."""
    clear = interval.low > 0 or interval.high < 0
    return with_interval(metric, interval._asdict(), signed=True) + (" *" if clear else "")


def clips_counted(clips: dict[str, int | None]) -> str:
    """Return the number of scored clips, and of how many if some were not found."""
    found, expected = clips["found"], clips["expected"]
    return str(found) if expected in (None, found) else f"{found} of {expected}"


def results_markdown(result: dict[str, Any]) -> str:
    """Return the text of RESULTS.md for the content of result.json."""
    metric = result["metric"]
    headline = (
        f"**{TITLES[metric]} {with_interval(metric, result['metrics'][metric])}** on "
        f"{clips_counted(result['clips'])} clips of {result['classes']} classes "
        f"({result['interval']['level']:.0%} interval)"
    )
    sections = [
        f"# {result['name']}",
        headline,
        markdown_table(
            ["metric", "value [interval]"],
            [(TITLES[m], with_interval(m, v)) for m, v in result["metrics"].items()],
        ),
        *_folds(result),
        *_classes(result),
        *_confusions(result),
        "## Origin",
        markdown_table(["", ""], _origin(result)),
    ]
    return "\n\n".join(sections) + "\n"


def _folds(result: dict[str, Any]) -> list[str]:
    if "folds" not in result:
        return []
    metrics = list(result["metrics"])
    rows = [
        (
            fold["folder"],
            clips_counted(fold["clips"]),
            *(with_interval(m, fold["metrics"][m]) for m in metrics),
        )
        for fold in result["folds"]
    ]
    for line in ("mean", "std"):
        values = [number(m, result["over_folds"][m][line]) for m in metrics]
        rows.append((f"{line} of folds", "", *values))
    pooled = [with_interval(m, result["metrics"][m]) for m in metrics]
    rows.append(("all clips pooled", clips_counted(result["clips"]), *pooled))
    return ["## Folds", markdown_table(["fold", "clips", *(TITLES[m] for m in metrics)], rows)]


def _classes(result: dict[str, Any]) -> list[str]:
    key = "AP" if result["multi_label"] else "recall"
    known = [row for row in result["per_class"] if row[key] is not None]
    known.sort(key=lambda row: row[key])
    if len(known) > 2 * SHOWN_CLASSES:
        title = f"## Classes: the {SHOWN_CLASSES} worst and the {SHOWN_CLASSES} best by {key}"
        known = known[:SHOWN_CLASSES] + known[-SHOWN_CLASSES:]
    else:
        title = f"## Classes, worst first by {key}"
    columns = [column for column in result["per_class"][0] if column not in ("label", "clips")]
    rows = [(row["label"], row["clips"], *_class_numbers(row, columns)) for row in known]
    note = "All classes: `per_class.tsv`."
    return [title, markdown_table(["class", "clips", *columns], rows), note]


def _class_numbers(row: dict[str, Any], columns: list[str]) -> list[str]:
    shares = ("AP", "recall", "precision")
    return [number("accuracy" if c in shares else c, row[c]) for c in columns]


def _confusions(result: dict[str, Any]) -> list[str]:
    if not result.get("confusions"):
        return []
    rows = [
        (pair["truth"], pair["guess"], pair["clips"], number("accuracy", pair["share"]))
        for pair in result["confusions"][:SHOWN_CONFUSIONS]
    ]
    return [
        "## Most frequent confusions",
        markdown_table(["truth", "taken for", "clips", "% of the class"], rows),
        "![confusion matrix](confusion.png)",
    ]


def _origin(result: dict[str, Any]) -> list[tuple[str, str]]:
    interval = result["interval"]
    lines = {
        "clips found": result["clips"]["found"],
        "clips expected": result["clips"]["expected"],
        "labels": f"{result['classes']} (hash {result['labels_hash']})",
        **result["provenance"],
        **result["environment"],
        "intervals": f"bootstrap over {interval['unit']}s, {interval['replicates']} replicates, "
        f"seed {interval['seed']}",
    }
    return [(key, _plain(value)) for key, value in lines.items()]


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value))
    if value is None:
        return "unknown"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
