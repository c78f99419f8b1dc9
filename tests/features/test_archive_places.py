"""Places of many matrices at once are those that each specifier names."""

import numpy as np
import pytest

from asda.corpus import packed_names
from asda.corpus.packed_table import read_packed
from asda.features.archive import location_of
from asda.features.archive_places import ArchivePlaces

SPECIFIERS = [
    "/d/a.ark:11",
    "/d/a.ark:127768",
    "/d/b.ark:0",
    "/d/a.ark:123456789012345678",
    "/d/a.ark:5[0:3]",
    "/d/a:b.ark:007",
    "C:/d/a.ark:7",
    "/d/with space.ark:7",
    ":7",
    "/d/ä.ark:12",
    "/d/a.ark",
    "/d/a.ark:1x",
    "/d/a.ark:-1",
    "/d/a.ark:٣",
    "cat /d/a.ark |",
    f"/{'d' * 300}/a.ark:4",
    "/d/a.ark:12",
]


@pytest.mark.parametrize("together", [1, 2, 100])
@pytest.mark.parametrize("step", [1, -1, 3])
def test_places_are_those_of_each_specifier(tmp_path, monkeypatch, together, step):
    monkeypatch.setattr(packed_names, "TOGETHER", together)
    lines = "".join(f"u{number:02d} {text}\n" for number, text in enumerate(SPECIFIERS))
    (tmp_path / "feats.scp").write_text(lines)
    rows = np.arange(len(SPECIFIERS))[::step]
    places = ArchivePlaces(read_packed(tmp_path / "feats.scp"), rows)
    found = [
        (places.paths[archive], offset)
        for archive, offset in zip(places.archives, places.offsets.tolist(), strict=True)
    ]
    assert found == [location_of(SPECIFIERS[row]) for row in rows]


def test_lines_far_apart_are_read_one_by_one(tmp_path):
    lines = "".join(f"u{number:03d} /d/a.ark:{number}\n" for number in range(300))
    (tmp_path / "feats.scp").write_text(lines)
    places = ArchivePlaces(read_packed(tmp_path / "feats.scp"), np.array([0, 299]))
    assert (places.paths, places.offsets.tolist()) == (["/d/a.ark"], [0, 299])


def test_an_offset_beyond_all_files_stays_beyond_them(tmp_path):
    (tmp_path / "feats.scp").write_text("u /d/a.ark:99999999999999999999\n")
    places = ArchivePlaces(read_packed(tmp_path / "feats.scp"), np.array([0]))
    assert places.offsets.tolist() == [2**63 - 1]
