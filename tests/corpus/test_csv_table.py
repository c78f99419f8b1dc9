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
            "csv:2: the quote is not closed before line 3; unpack",
        ),
        ('file,label\n"1".wav,dog\n', "csv:2: ',' expected after '\"'; unpack it again"),
        ("file,label\n1.wav,Hündin\n".encode("latin-1"), "csv:2: not UTF-8 text"),
        ("file,label\n".encode("utf-16"), "csv:1: not UTF-8 text"),
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
