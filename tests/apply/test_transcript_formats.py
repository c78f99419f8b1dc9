"""Transcriptions as text, as the programs that read it expect it."""

import itertools
import json

import pytest

from asda.apply.rows import name_of
from asda.apply.subtitles import LEAST_SECONDS, MOST_SECONDS, WIDEST_LINE, srt_lines, vtt_lines
from asda.apply.transcript_formats import key_of, transcript_formats

FORMATS = transcript_formats(["talk.wav"])


def word(text, start, end, confidence=0.5):
    return {"word": text, "start": start, "end": end, "confidence": confidence}


def segment(*words):
    text = " ".join(one["word"] for one in words)
    return {"start": words[0]["start"], "end": words[-1]["end"], "text": text, "words": [*words]}


def row(*segments, start=0.0, end=9000.0, **names):
    text = " ".join(one["text"] for one in segments)
    names = names or {"file": "talk.wav"}
    return {**names, "start": start, "end": end, "text": text, "segments": [*segments]}


TALK = row(
    segment(word("hello", 1.0, 1.5), word("world", 1.6, 2.04, 0.98766)),
    segment(word("a<b", 3661.5, 3662.9999)),
)


def test_srt_has_numbers_and_commas_and_rolls_over_to_hours():
    assert srt_lines([TALK]) == [
        *("1", "00:00:01,000 --> 00:00:02,040", "hello world", ""),
        *("2", "01:01:01,500 --> 01:01:03,000", "a<b", ""),
    ]


def test_vtt_has_dots_a_header_and_escaped_text():
    form = FORMATS["vtt"]
    assert form.header == "WEBVTT"
    assert form.lines([TALK]) == [
        *("", "00:00:01.000 --> 00:00:02.040", "hello world"),
        *("", "01:01:01.500 --> 01:01:03.000", "a&lt;b"),
    ]


@pytest.mark.parametrize(
    ("seconds", "clock"),
    [
        (59.9996, "00:01:00,000"),
        (3599.9999, "01:00:00,000"),
        (0.0014, "00:00:00,001"),
        (360000.5, "100:00:00,500"),
    ],
)
def test_times_are_rounded_before_they_are_divided(seconds, clock):
    (_, times, *_) = srt_lines([row(segment(word("x", seconds, seconds + 2)))])
    assert times.split(" --> ")[0] == clock


def long_segment(count, seconds=0.4, letters=7):
    words = [
        word("x" * (1 + at % letters), at * seconds, (at + 0.5) * seconds) for at in range(count)
    ]
    words[count // 2 :] = [
        one | {"start": one["start"] + 0.3, "end": one["end"] + 0.3} for one in words[count // 2 :]
    ]
    return segment(*words)


@pytest.mark.parametrize("count", [1, 2, 10, 57, 200])
@pytest.mark.parametrize("seconds", [0.2, 0.4, 3.0])
def test_cues_are_short_enough_to_be_read_and_hold_all_words_in_order(count, seconds):
    spoken = long_segment(count, seconds)
    lines = srt_lines([row(spoken)])
    cues = [list(group) for blank, group in itertools.groupby(lines, bool) if blank]
    assert [cue[0] for cue in cues] == [str(number) for number in range(1, len(cues) + 1)]
    shown = [line for cue in cues for line in cue[2:]]
    assert " ".join(shown) == spoken["text"]
    assert max(map(len, shown)) <= WIDEST_LINE
    assert all(len(cue) <= 4 for cue in cues)
    times = [[seconds_of(x) for x in cue[1].split(" --> ")] for cue in cues]
    assert all(end - start <= MOST_SECONDS + 1e-6 for start, end in times)
    assert all(end <= start + 1e-6 for (_, end), (start, _) in itertools.pairwise(times))


def seconds_of(clock):
    hours, minutes, seconds = clock.replace(",", ".").split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)


def test_a_segment_is_divided_at_its_longest_pause():
    lines = srt_lines([row(long_segment(24))])
    second = lines[lines.index("2") + 1]
    assert seconds_of(second.split(" --> ")[0]) == pytest.approx(12 * 0.4 + 0.3, abs=1e-3)


def test_a_single_word_stays_long_enough_to_be_seen_but_not_into_the_next_cue():
    rows = [row(segment(word("one", 1.0, 1.04)), segment(word("two", 1.8, 1.84)))]
    assert [x for x in srt_lines(rows) if "-->" in x] == [
        "00:00:01,000 --> 00:00:01,800",
        "00:00:01,800 --> 00:00:02,800",
    ]
    assert LEAST_SECONDS == 1.0


def test_a_word_longer_than_a_line_has_a_line_of_its_own():
    lines = srt_lines([row(segment(word("w" * 50, 0.0, 1.0), word("b", 1.1, 2.0)))])
    assert [x for x in lines if set(x) & set("wb")] == ["w" * 50, "b"]


def test_ctm_lines_are_those_of_nist():
    assert FORMATS["ctm"].lines([TALK])[:2] == [
        "talk 1 1.000 0.500 hello 0.5000",
        "talk 1 1.600 0.440 world 0.9877",
    ]


def test_times_of_ctm_are_those_into_the_utterance():
    utterance = row(
        segment(word("hi", 10.75, 11.0)), start=10.5, file="rec.wav", utterance="spk-utt1"
    )
    assert FORMATS["ctm"].lines([utterance]) == ["spk-utt1 1 0.250 0.250 hi 0.5000"]


def test_text_and_trn_are_those_of_kaldi_and_sclite():
    silent = row(file="a b/quiet talk.flac")
    assert FORMATS["text"].lines([TALK]) == ["talk hello world a<b"]
    assert FORMATS["trn"].lines([TALK]) == ["hello world a<b (talk)"]
    assert FORMATS["text"].lines([silent]) == ["a_b/quiet_talk"]
    assert FORMATS["trn"].lines([silent]) == ["(a_b/quiet_talk)"]


def test_nothing_said_is_an_empty_file_of_each_format():
    silent = row(end=2.5)
    assert srt_lines([silent]) == vtt_lines([silent]) == FORMATS["ctm"].lines([silent]) == []
    assert FORMATS["table"].lines([silent]) == ["talk.wav       0.00      2.50 s"]


def test_the_table_has_a_line_for_each_segment():
    assert FORMATS["table"].lines([TALK]) == [
        "talk.wav       1.00      2.04 s  hello world",
        "talk.wav    3661.50   3663.00 s  a<b",
    ]


def test_json_holds_the_row_on_one_line():
    (line,) = FORMATS["jsonl"].lines([row(segment(word("größe", 0.0, 1.0)))])
    assert "größe" in line and json.loads(line)["segments"][0]["words"][0]["word"] == "größe"


def test_utterances_are_named_by_their_names_and_files_without_suffix():
    utterance = {"file": "x.wav", "utterance": "utt.1"}
    assert (name_of(utterance), key_of(utterance)) == ("utt.1", "utt.1")
    assert key_of({"file": "dir.d/x.y.wav"}) == "dir.d/x.y"
