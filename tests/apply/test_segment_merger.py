"""Windows that overlap become segments of each class."""

import numpy as np
import pytest

from asda.apply.segment_merger import SegmentMerger


def merged(windows, thresholds=(0.5, 0.5)):
    merger, found = SegmentMerger(np.array(thresholds)), []
    for start, end, *scores in windows:
        found += merger.add(start, end, np.array(scores))
    found += merger.finish()
    return sorted((one.index, one.start, one.end, one.score) for one in found)


def test_the_score_of_a_moment_is_the_mean_of_the_windows_that_cover_it():
    """From 1 to 2 s it is 0.5, which reaches the threshold; from 2 to 3 s it is 0.15."""
    windows = [(0, 2, 0.8, 0), (1, 3, 0.2, 0), (2, 4, 0.1, 0)]
    assert merged(windows) == [(0, 0.0, 2.0, 0.8)]


def test_each_class_has_its_own_threshold():
    windows = [(0, 2, 0.4, 0.4), (2, 4, 0.6, 0.6)]
    assert merged(windows, (0.3, 0.5)) == [(0, 0.0, 4.0, 0.6), (1, 2.0, 4.0, 0.6)]


def test_a_class_that_pauses_has_two_segments():
    windows = [(0, 1, 0.9, 0), (1, 2, 0.1, 0), (2, 3, 0.7, 0)]
    assert merged(windows) == [(0, 0.0, 1.0, 0.9), (0, 2.0, 3.0, 0.7)]


def test_windows_that_touch_but_for_rounding_are_one_segment():
    windows = [(0.1 * i, 0.1 * i + 0.1, 0.9, 0) for i in range(50)]
    ((_, start, end, score),) = merged(windows)
    assert (start, end, score) == (0.0, pytest.approx(5.0), 0.9)


def test_between_windows_with_gaps_there_is_no_segment():
    assert merged([(0, 1, 0.9, 0), (3, 4, 0.9, 0)]) == [(0, 0.0, 1.0, 0.9), (0, 3.0, 4.0, 0.9)]


def test_the_last_window_may_overlap_more_than_the_others():
    windows = [(0, 2, 0, 0.9), (2, 4, 0, 0.9), (2.5, 4.5, 0, 0.2)]
    assert merged(windows) == [(1, 0.0, 4.0, 0.9)]


def test_segments_come_as_soon_as_they_have_ended_and_few_windows_are_kept():
    merger = SegmentMerger(np.array([0.5]))
    counts = []
    for second in range(1000):
        ended = merger.add(second, second + 2, np.array([0.9 if second % 10 < 3 else 0.0]))
        counts.append(len(ended))
        assert len(merger._windows) <= 2
    assert sum(counts) + len(merger.finish()) == 100


def test_a_recording_without_windows_has_no_segments():
    assert merged([]) == []


def test_segments_agree_with_the_definition_moment_by_moment():
    draw = np.random.default_rng(3)
    windows = [(0.5 * i, 0.5 * i + 1.7, *draw.random(2)) for i in range(60)]
    times = np.arange(0, 31.2, 0.01) + 0.005
    expected = np.zeros((len(times), 2))
    for row, time in enumerate(times):
        covering = [scores for start, end, *scores in windows if start <= time < end]
        expected[row] = np.mean(covering, axis=0) >= 0.5
    found = np.zeros_like(expected)
    for index, start, end, _ in merged(windows):
        found[(times >= start) & (times < end), index] += 1
    assert np.array_equal(found, expected)
