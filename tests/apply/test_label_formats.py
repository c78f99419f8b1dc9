"""Labels in the formats of other programs, character by character."""

import csv
import io
import json

from asda.apply.label_formats import table_format, text_formats

ROWS = [
    {
        "file": "far/away, not near.wav",
        "start": 0.0,
        "end": 2.0,
        "labels": [
            {"label": "dog", "index": 3, "score": 0.91},
            {"label": "größe", "index": 0, "score": 0.05},
        ],
        "model": "m1",
    },
    {
        "file": "far/away, not near.wav",
        "utterance": "utt1",
        "start": 61.25,
        "end": 62.5,
        "labels": [{"label": "cat", "index": 1, "score": 0.5}],
        "model": "m1",
    },
]
FORMATS = text_formats(8000)


def test_json_lines_hold_one_row_each():
    lines = FORMATS["jsonl"].lines(ROWS)
    assert [json.loads(line) for line in lines] == ROWS
    assert "größe" in lines[0]


def test_csv_holds_one_label_a_line_under_its_header():
    lines = [FORMATS["csv"].header, *FORMATS["csv"].lines(ROWS)]
    first, second, third = csv.DictReader(lines)
    assert first["file"] == "far/away, not near.wav"
    assert (second["label"], second["index"], second["score"]) == ("größe", "0", "0.05")
    assert (third["utterance"], third["start"], third["end"]) == ("utt1", "61.25", "62.5")


ODD_NAMES = ["new\nline.wav", "carriage\rreturn.wav", "tab\t.wav", "line\u2028end.wav", 'a "b",c']


def test_csv_keeps_odd_names():
    lines = [FORMATS["csv"].header]
    for name in ODD_NAMES:
        lines += FORMATS["csv"].lines([ROWS[1] | {"file": name}])
    assert len(lines) == 1 + len(ODD_NAMES)
    written = io.StringIO("".join(f"{line}\n" for line in lines), newline="")
    assert [row["file"] for row in csv.DictReader(written)] == ODD_NAMES


def test_odd_names_stay_on_one_line_and_in_their_column():
    for name in ODD_NAMES:
        row = ROWS[0] | {"file": name, "labels": [{"label": "a\tb", "index": 0, "score": 0.5}]}
        (selection,) = FORMATS["raven"].lines([row])
        assert len(selection.split("\t")) == 10 and len(selection.splitlines()) == 1
        (label,) = FORMATS["audacity"].lines([row])
        assert label.split("\t")[2] == "a\\tb 0.50"
        (line,) = table_format([name], False, {}).lines([row])
        assert len(line.splitlines()) == 1
    (line,) = table_format(ODD_NAMES[:1], False, {}).lines([ROWS[0] | {"file": ODD_NAMES[0]}])
    assert line.startswith("new\\nline.wav  dog")


def test_audacity_labels_are_start_end_and_text_with_six_decimals():
    assert FORMATS["audacity"].lines(ROWS) == [
        "0.000000\t2.000000\tdog 0.91",
        "0.000000\t2.000000\tgröße 0.05",
        "61.250000\t62.500000\tcat 0.50",
    ]
    assert not FORMATS["audacity"].header


def test_raven_selections_are_numbered_and_span_all_frequencies():
    header, rows = FORMATS["raven"].header.split("\t"), FORMATS["raven"].lines(ROWS)
    third = dict(zip(header, rows[2].split("\t"), strict=True))
    assert third == {
        "Selection": "3",
        "View": "Spectrogram 1",
        "Channel": "1",
        "Begin Time (s)": "61.250000",
        "End Time (s)": "62.500000",
        "Low Freq (Hz)": "0.0",
        "High Freq (Hz)": "8000.0",
        "Begin File": "away, not near.wav",
        "Label": "cat",
        "Score": "0.5",
    }


def test_the_table_aligns_names_and_shows_times_and_models_only_where_they_differ():
    names = ["far/away, not near.wav", "utt1"]
    plain = table_format(names, False, {"m1": "a.pt"}).lines(ROWS)
    assert plain == ["far/away, not near.wav  dog 0.910  größe 0.050", f"{'utt1':22}  cat 0.500"]
    full = table_format(names, True, {"m1": "a.pt", "m2": "b.pt"}).lines(ROWS)
    assert full[1] == f"{'utt1':22}      61.25     62.50 s  a.pt  cat 0.500"


def test_a_long_name_keeps_its_end():
    name = f"{'folder/' * 20}x.wav"
    (line,) = table_format([name], False, {}).lines([ROWS[0] | {"file": name}])
    assert line.startswith("…")
    assert line.split("  ")[0].endswith("folder/x.wav")
    assert len(line.split("  ")[0]) == 48
