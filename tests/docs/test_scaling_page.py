"""docs/scaling.md has the sizes of what asda writes."""

import io
import re

import numpy as np
import pytest

from asda.features.archive_writer import write_matrix


@pytest.mark.parametrize("compression", ["3", "5"])
def test_a_clip_of_ten_seconds_takes_what_the_page_says(compression, repository):
    page = (repository / "docs/scaling.md").read_text(encoding="utf-8")
    row = rf"\| a clip in the dump, `--compression {compression}`.*\| (\d+) kB; (\d+) GB \|"
    clip, two_million = re.search(row, page).groups()
    archive = io.BytesIO()
    write_matrix(archive, "u", np.random.default_rng(1).normal(size=(998, 128)), compression)
    size = len(archive.getvalue())
    assert int(clip) == round(size / 1e3)
    assert int(two_million) == round(2e6 * size / 1e9)
