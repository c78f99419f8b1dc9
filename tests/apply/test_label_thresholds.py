"""Thresholds from a number or a table."""

import pytest

from asda.apply.label_thresholds import read_thresholds
from asda.files import InputError


def read(tmp_path, text, *labels):
    path = tmp_path / "thresholds.tsv"
    path.write_text(text)
    return [list(one) for one in read_thresholds(str(path), labels)]


def test_a_number_is_the_threshold_of_every_label():
    assert [list(one) for one in read_thresholds("0.25", [["a", "b"], ["c"]])] == [
        [0.25, 0.25],
        [0.25],
    ]


def test_a_table_is_read_by_its_header_in_the_order_of_the_labels(tmp_path):
    text = "label\tthreshold\tF1\nrain\t0.3\t0.9\ncat\t0.7\t0.8\n"
    assert read(tmp_path, text, ["cat", "rain"]) == [[0.7, 0.3]]
    assert read(tmp_path, text, ["rain"], ["cat"]) == [[0.3], [0.7]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cat 0.3\n", "tsv:1: no columns 'label' and 'threshold'"),
        ("", "tsv:1: no columns 'label' and 'threshold'"),
        ("label\tthreshold\ncat\thigh\n", "tsv:2: expected a label and a threshold"),
        ("label\tthreshold\ncat\tnan\n", "a score lies between 0 and 1"),
        ("label\tthreshold\ncat\n", "tsv:2: expected a label and a threshold"),
        ("label\tthreshold\ncat\t0.1\ncat\t0.2\n", "tsv:3: a second threshold of 'cat'"),
        ("label\tthreshold\ndog\t0.1\n", "no threshold for 'cat'; the model does not know 'dog'"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_in_one_line(tmp_path, text, said):
    with pytest.raises(InputError) as refused:
        read(tmp_path, text, ["cat"])
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("number", ["1.5", "-0.1", "nan"])
def test_a_number_that_is_no_probability_is_refused(number):
    with pytest.raises(InputError, match="a score lies between 0 and 1"):
        read_thresholds(number, [["cat"]])


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.tsv: no such file"):
        read_thresholds(str(tmp_path / "none.tsv"), [["cat"]])
