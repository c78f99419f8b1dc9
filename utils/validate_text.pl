#!/usr/bin/env python3
"""Check the white space of a transcript table: UTF-8 text must have spaces and tabs alone.

Usage: validate_text.pl data/train/text

Text in another encoding passes, as in Kaldi; asda itself reads UTF-8 only.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from list_tools import open_input

from asda.corpus.edit.scan import Report, report_odd_character


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit((__doc__ or "").strip())
    path = Path(sys.argv[1])
    with open_input(str(path)) as stream:
        content = stream.read()
    if not content:
        sys.exit(f"validate_text.pl: {path}: empty file")
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError:
        print(f"validate_text.pl: warning: {path}: not UTF-8, so not checked", file=sys.stderr)
        return
    report = Report()
    if lines.pop():
        report.problem(path, len(lines) + 1, "no newline at the end of the file")
    for number, line in enumerate(lines, 1):
        if not line.isprintable():
            report_odd_character(path, number, line, report, lenient=True)
    for problem in report.lines():
        print(problem, file=sys.stderr)
    sys.exit(bool(report.count))


if __name__ == "__main__":
    main()
