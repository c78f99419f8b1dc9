"""Results of probes against the number of training clips per class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asda.probing.probe_config import ALL, ProbeConfig
from asda.probing.probe_set import ProbeSets, drawn
from asda.probing.probes import Probe, choose, scored_by
from asda.scoring.intervals import Interval, mean_intervals
from asda.scoring.measurable import Metric
from asda.scoring.metrics import METRICS, ClassificationMetrics
from asda.scoring.tables import Table, with_interval, write_tsv

NAME = "learning_curve.tsv"
HEADER = ("clips_per_class", "training_clips", "draws", "probe", "metric", "value", "low", "high")


def learning_curve(
    config: ProbeConfig,
    probes: Mapping[str, Probe],
    sets: ProbeSets,
    results: Mapping[str, Mapping[str, Any]],
) -> Table:
    """Write out/learning_curve.tsv and return it as a table of counts against probes.

    A point is the mean over draws of training clips, with an interval over test clips and draws.

    Args:
        config: settings
        probes: by name
        sets: the clips
        results: of each probe that was trained on all clips, the content of result.json
    """
    name = ClassificationMetrics(sets.test.targets, sets.test.targets).main
    lines: list[tuple[Any, ...]] = []
    for count in config.counts:
        clips, found = _point(config, probes, sets, count)
        lines += [(count, clips, config.draws, kind, name, *one[name]) for kind, one in found]
    for kind, result in results.items():
        ends = [result["metrics"][name][end] for end in Interval._fields]
        lines.append((ALL, len(sets.train.rows), 1, kind, name, *ends))
    write_tsv(Path(config.out) / NAME, HEADER, lines)
    return _table(lines, list(probes), METRICS[name], f"{config.out}/{NAME}")


def _point(
    config: ProbeConfig, probes: Mapping[str, Probe], sets: ProbeSets, count: int
) -> tuple[int, list[tuple[str, dict[str, Interval]]]]:
    """Return the number of training clips of the last draw, and the metrics of each probe."""
    runs: dict[str, list[ClassificationMetrics]] = {kind: [] for kind in probes}
    for draw in range(config.draws):
        train = drawn(sets.train, count, config.seed, draw)
        for kind, probe in probes.items():
            chosen = choose(probe, train, sets.valid, config.seed)
            runs[kind].append(scored_by(chosen, sets.test, sets.labels).measurable())
    return len(train.rows), [(kind, mean_intervals(found)) for kind, found in runs.items()]


def _table(lines: list[tuple[Any, ...]], probes: list[str], metric: Metric, path: str) -> Table:
    """Return the lines of the file with a row for each count and a column for each probe."""
    cells = [
        with_interval(metric, dict(zip(Interval._fields, line[5:], strict=True))) for line in lines
    ]
    rows = [
        (lines[first][0], lines[first][1], *cells[first : first + len(probes)])
        for first in range(0, len(lines), len(probes))
    ]
    note = f"{metric.title}: mean of {lines[0][2]} draws [95 % interval over test clips and draws]"
    return Table(["clips per class", "training clips", *probes], rows, f"{note}; {path}")
