"""RESULTS.md, the page that people read, from the content of result.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asda.scoring.measurable import Metric
from asda.scoring.reports import PageParts
from asda.scoring.result_notes import result_notes
from asda.scoring.tables import (
    clips_counted,
    markdown_table,
    number,
    validation_result,
    with_interval,
)


def results_page(result: Mapping[str, Any], metrics: Mapping[str, Metric], parts: PageParts) -> str:
    """Return the text of RESULTS.md.

    Args:
        result: the content of result.json
        metrics: the description of each metric in it
        parts: what the kind of scores adds
    """
    main = result["metric"]
    counted = clips_counted(result["clips"])
    subject = parts.subject.replace("clips", "clip", 1) if counted == "1" else parts.subject
    headline = (
        f"**{metrics[main].title} {with_interval(metrics[main], result['metrics'][main])}** on "
        f"{counted} {subject} "
        f"({result['interval']['level']:.0%} interval)"
    )
    values = [(m.title, with_interval(m, result["metrics"][n])) for n, m in metrics.items()]
    sections = [
        f"# {result['name']}",
        headline,
        markdown_table(["metric", "value [interval]"], values),
        *result_notes(result),
        *_fold_sections(result, metrics),
        *parts.sections,
        "## Origin",
        markdown_table(["", ""], _origin(result, parts)),
    ]
    return "\n\n".join(sections) + "\n"


def _fold_sections(result: Mapping[str, Any], metrics: Mapping[str, Metric]) -> list[str]:
    if "folds" not in result:
        return []
    shown = metrics_of_folds(result, metrics)
    rows = [
        (
            fold["folder"],
            clips_counted(fold["clips"]),
            *(with_interval(m, fold["metrics"][name]) for name, m in shown.items()),
        )
        for fold in result["folds"]
    ]
    for line in ("mean", "std"):
        values = [number(m, result["over_folds"][name][line]) for name, m in shown.items()]
        rows.append((f"{line} of folds", "", *values))
    pooled = [with_interval(m, result["metrics"][name]) for name, m in shown.items()]
    rows.append(("all clips pooled", clips_counted(result["clips"]), *pooled))
    titles = [metric.title for metric in shown.values()]
    return ["## Folds", markdown_table(["fold", "clips", *titles], rows)]


def metrics_of_folds(result: Mapping[str, Any], metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """Return the metrics that all folds have: one that an earlier version has scored may lack some.

    Args:
        result: the content of result.json of merged folds
        metrics: the description of each metric in it
    """
    return {name: metric for name, metric in metrics.items() if name in result["over_folds"]}


def _origin(result: Mapping[str, Any], parts: PageParts) -> list[tuple[str, str]]:
    interval = result["interval"]
    lines = {
        "clips found": result["clips"]["found"],
        "clips expected": result["clips"]["expected"],
        **parts.origin,
        **result["provenance"],
        **_validation(result),
        **result["environment"],
        "intervals": f"bootstrap over {interval['unit']}s, {interval['replicates']} replicates, "
        f"seed {interval['seed']}",
    }
    return [(key, plain(value)) for key, value in lines.items()]


def _validation(result: Mapping[str, Any]) -> dict[str, str]:
    """Return the line of the validation result, if there is one."""
    if not result.get("validation"):
        return {}
    where = result["validation"]["data"]
    return {"validation result": validation_result(result, "") + (f" on {where}" if where else "")}


def plain(value: Any) -> str:
    """Return an entry of result.json as it is shown."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(plain, value))
    if value is None:
        return "unknown"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
