"""Tables that fit a terminal."""

import pytest
from scoring.systems import rows

from asda.scoring.clip_tables import write_clip_table
from asda.scoring.tables import Table, write_tsv

HEADER = ["experiment", "set", "result", "date"]
LONG = "finetune_" + "x" * 50 + "_lr1e-3"
LIST = Table(
    HEADER, [(LONG, "data/test", "91.2", "2026-11-28")], "a note", optional=["date", "set"]
)


def longest(text):
    return max(map(len, text.splitlines()))


def test_a_table_that_fits_is_whole():
    whole = LIST.markdown()
    assert rows(whole) == [HEADER, list(LIST.rows[0])]
    assert whole.endswith("\n\na note")
    assert LIST.markdown(longest(whole)) == whole


def test_columns_are_left_out_in_their_order():
    width = longest(LIST.markdown()) - 1
    text = LIST.markdown(width)
    assert rows(text)[0] == ["experiment", "set", "result"]
    assert f"(at {width} columns without date; --tsv prints all)" in text


@pytest.mark.parametrize("width", [80, 60, 40])
def test_names_are_cut_in_their_middle(width):
    text = LIST.markdown(width)
    assert longest(text.split("\n\n")[0]) <= width
    name, result = rows(text)[1][::2] if width > 80 else (rows(text)[1][0], rows(text)[1][-1])
    assert result == "91.2"
    begin, end = name.split("…") if "…" in name else (name, name)
    assert LONG.startswith(begin) and LONG.endswith(end)
    assert "date" in text.split("\n\n")[-1]


def test_a_wide_table_is_divided_and_repeats_its_first_column():
    tasks = [f"task {number}" for number in range(5)]
    cells = [["a", *["91.2 [90.1, 92.3]"] * 5], ["b", *["81.2 [80.1, 82.3]"] * 5]]
    text = Table(["", *tasks], cells).markdown(60)
    blocks = [rows(block) for block in text.split("\n\n")]
    assert longest(text) <= 60
    assert [block[0][0] for block in blocks] == [""] * len(blocks)
    assert [title for block in blocks for title in block[0][1:]] == tasks
    assert all([row[0] for row in block[1:]] == ["a", "b"] for block in blocks)


def test_tab_separated_values_are_whole():
    header, line = (row.split("\t") for row in LIST.tsv().splitlines())
    assert header == HEADER and line == list(LIST.rows[0])


def test_tabs_and_line_breaks_in_cells_divide_neither_columns_nor_lines(tmp_path):
    header, values = ["label", "score", "note"], ["a\tb\r\nc", 0.1 + 0.2, None]
    write_clip_table(tmp_path / "clips.tsv", [dict(zip(header, values, strict=True))])
    write_tsv(tmp_path / "rows.tsv", header, [values])
    whole = "label\tscore\tnote\na b  c\t0.30000000000000004\t\n"
    assert Table(header, [values]).tsv() + "\n" == whole
    assert (tmp_path / "rows.tsv").read_bytes().decode() == whole
    assert (tmp_path / "clips.tsv").read_bytes().decode() == whole.replace("30000000000000004", "3")
