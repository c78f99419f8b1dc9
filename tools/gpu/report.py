#!/usr/bin/env python3
"""Write OUT/report.md from the results in OUT that tools/gpu/check.sh has measured so far.

Usage: tools/gpu/report.py OUT
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from asda.files import atomic_write
from asda.scoring.tables import markdown_table

PIECES = ("tests", "step", "profile", "loader")
Rows = list[dict[str, Any]]


def main() -> None:
    folder = Path(sys.argv[1])
    files = [folder / f"{piece}.json" for piece in PIECES]
    found = [json.loads(path.read_text(encoding="utf-8")) for path in files if path.exists()]
    if not found:
        return
    parts = ["# Measured on a GPU" if "card" in found[0]["about"] else "# Dry run on a CPU"]
    parts.append("\n".join(f"- {name}: {value}" for name, value in found[0]["about"].items()))
    parts += [section(content) for content in found]
    with atomic_write(folder / "report.md") as stream:
        stream.write("\n\n".join(parts) + "\n")


def section(content: dict[str, Any]) -> str:
    """Return a heading and the tables of a piece."""
    rows, note = content["rows"], "" if content["complete"] else "\n\nCut off: more was to come."
    tables = by_file(rows) if rows and "test" in rows[0] else table(rows)
    return f"## {content['title']}{note}\n\n{tables}"


def table(rows: Rows) -> str:
    header = list(dict.fromkeys(key for row in rows for key in row))
    return markdown_table(header, [[cell(row.get(key)) for key in header] for row in rows])


def cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def by_file(rows: Rows) -> str:
    """Return a table of the tests of each file, the failed ones, and the largest errors."""
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    seconds: Counter[str] = Counter()
    errors: dict[str, float] = {}
    for row in rows:
        file = row["test"].split("::")[0]
        outcomes[file][row["outcome"]] += 1
        seconds[file] += row["seconds"]
        for name in row.keys() - {"test", "outcome", "seconds", "reason"}:
            errors[name] = max(errors.get(name, 0.0), row[name])
    header = ["file", "passed", "failed", "skipped", "seconds"]
    lines = [
        [file, *(counts[name] for name in header[1:4]), f"{seconds[file]:.1f}"]
        for file, counts in outcomes.items()
    ]
    failed = [f"- `{row['test']}`: {row['reason']}" for row in rows if row["outcome"] == "failed"]
    parts = [markdown_table(header, lines), "\n".join(failed)]
    if errors:
        parts.append("Largest error of an array over its largest value (float32):")
        parts.append(markdown_table(["array", "error"], [[n, cell(e)] for n, e in errors.items()]))
    return "\n\n".join(part for part in parts if part)


if __name__ == "__main__":
    main()
