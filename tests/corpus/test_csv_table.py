"""CSV files that list a corpus: what is accepted, and what is refused with which message."""

import pytest

from asda.corpus.csv_table import CsvTable
from asda.files import InputError


def read(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(CsvTable(path, ("file", "label"), "unpack it again"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file,label\n1.wav,dog,x\n", "csv:2: 3 fields, but the header has 2; unpack it again"),
        ("file,label,x\n\n1.wav,dog\n", "csv:3: 2 fields, but the header has 3; unpack it again"),
        ("file,label\n1.wav, \n", "csv:2: column 'label' is empty; fill it in"),
        ("file,name\n", "csv:1: no column 'label' (found: file, name); correct the header"),
        ("", "csv:1: no column 'file' (found: none)"),
        ("file,label,x,X\n", "csv:1: duplicate column 'x'; remove one"),
        ('file,label\n1.wav,dog\n2.wav,"dog\n', "csv:3: unexpected end of data; unpack it again"),
        (
            'file,label\n1.wav,"dog\n2.wav,cat"\n',
            "csv:2: the quote is not closed before line 3, and fields cannot have line breaks;"
            " unpack",
        ),
        ('file,label\n"1".wav,dog\n', "csv:2: ',' expected after '\"'; unpack it again"),
        (
            "file,label\n1.wav,Hündin\n".encode("latin-1"),
            "csv:2: not UTF-8 text; save it as UTF-8, for example with iconv -f windows-1252 -t",
        ),
        (
            "file,label\n".encode("utf-16"),
            "csv:1: not UTF-8 text; save it as UTF-8, for example with iconv -f utf-16 -t utf-8",
        ),
        (
            "file|label\n1.wav|dog\n",
            "csv:1: no column 'file' (found: file|label); correct the header "
            "or add the column; columns are separated by commas, semicolons, tabs",
        ),
        ("file,label\n".encode("utf-16-le"), "csv:1: not UTF-8 text (perhaps UTF-16)"),
    ],
)
def test_what_is_refused(tmp_path, content, message):
    with pytest.raises(InputError) as refused:
        read(tmp_path, content)
    assert message in str(refused.value)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="File name too long"):
        CsvTable(tmp_path / (300 * "x"), (), "")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_line_ends_marks_spaces_and_case(tmp_path, encoding, end):
    lines = ["File, LABEL ,", "", '"1, 2.wav", Hündin ,', ""]
    [(number, values)] = read(tmp_path, end.join(lines).encode(encoding))
    assert number == 3
    assert values == {"file": "1, 2.wav", "label": "Hündin", "": ""}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("first", ["", "sep={0}\r\n", '"sep={0}"\n'])
def test_separators(tmp_path, separator, first):
    """As spreadsheets write them: a declaration, empty rows, quotes around a separator."""
    rows = [["FILE", "Label", ""], ["1.wav", f'"a{separator}b"', "x"], ["", " ", ""], ["2.wav"] * 3]
    text = first.format(separator) + "\r\n".join(separator.join(row) for row in rows)
    lines = 1 if first else 0
    assert read(tmp_path, text) == [
        (lines + 2, {"file": "1.wav", "label": f"a{separator}b", "": "x"}),
        (lines + 4, {"file": "2.wav", "label": "2.wav", "": "2.wav"}),
    ]


def test_the_separator_is_that_of_the_header(tmp_path):
    """However many of the others the lines have."""
    [(_, values)] = read(tmp_path, "file;label\na, b, c.wav;dog\n")
    assert values == {"file": "a, b, c.wav", "label": "dog"}
    [(_, values)] = read(tmp_path, "file,label\na.wav,dog;cat;cow\n")
    assert values == {"file": "a.wav", "label": "dog;cat;cow"}


def test_all_bad_lines_are_reported_at_once(tmp_path):
    """Together with those of the caller, in order; good lines are yielded all the same."""
    path = tmp_path / "a.csv"
    lines = ["file,label", "1.wav,dog", "2.wav", "3.wav,", *(f"{n}.wav" for n in range(4, 12))]
    path.write_text("\n".join([*lines, "12.wav,cat", '13.wav,"cat']))
    table, found = CsvTable(path, ("file", "label"), "quote it"), []
    with pytest.raises(InputError) as refused:
        for number, values in table:
            found.append(values["file"])
            table.bad.add(f"{path}:{number}: no such clip")
    assert found == ["1.wav", "12.wav"]
    said = str(refused.value).split("\n  ")
    assert said[0] == f"{path}: 13 lines are wrong"
    assert said[1:4] == [
        f"{path}:2: no such clip",
        f"{path}:3: 1 fields, but the header has 2; quote it",
        f"{path}:4: column 'label' is empty; fill it in or remove the line",
    ]
    assert said[10] == f"{path}:11: 1 fields, but the header has 2; quote it"
    assert said[11:] == ["and 3 more"]
