"""Where embeddings go: kept in an archive while a call runs, then written as one file."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from asda.apply.embedding import Embeddings
from asda.apply.embedding_files import Rows, write_embeddings
from asda.apply.inputs import AudioInput
from asda.apply.record import Record
from asda.apply.stored_embeddings import Stored
from asda.features.archive import ArchiveReader
from asda.features.archive_writer import write_matrix
from asda.files import blamed_on


class EmbeddingOutput:
    """One file of embeddings, and next to it those of a call that has not ended.

    Args:
        path: of the file
        record: of the inputs that are done, and where their vectors are: in the archive of this
            name, at an offset, or in the file that an earlier call has completed
        stored: content of that file
        vectors: whether each input has one vector
    """

    def __init__(self, path: Path, record: Record, stored: Stored, vectors: bool):
        self.path, self.record, self.stored, self.vectors = path, record, stored, vectors
        self.archive = path.with_name(f"{path.name}.values")
        if not len(record):
            self.archive.unlink(missing_ok=True)  # of other settings

    def is_done(self, one: AudioInput) -> bool:
        """Return whether an earlier call has finished an input."""
        if not self.record.is_done(one.name):
            return False
        offset = self.record.content(one.name)["offset"]
        return one.name in self.stored if offset is None else self._holds(offset)

    def add(self, one: AudioInput, result: Embeddings) -> None:
        """Keep the vectors of an input."""
        with blamed_on(self.archive), open(self.archive, "ab") as stream:
            offset = write_matrix(stream, "x", result.values, "none")
        content = {"offset": offset, "shape": result.values.shape, "times": result.times}
        self.record.add(one.name, content)

    def finish(self, inputs: Sequence[AudioInput]) -> str:
        """Write the file, and forget the archive."""
        done = [one.name for one in inputs if self.is_done(one)]
        if not done:
            return ""
        if not self.archive.exists() and list(self.stored) == done:
            return f"{self.path} is complete"
        contents = {name: self.record.content(name) for name in done}
        shape = cast(list[int], contents[done[0]]["shape"])
        rows = [self._rows(name, contents[name]) for name in done]
        write_embeddings(self.path, rows, shape[1], self.vectors)
        self.record.replace({name: {**contents[name], "offset": None} for name in done})
        self.archive.unlink(missing_ok=True)
        return f"wrote {self.path}: embeddings ({sum(one.count for one in rows)}, {shape[1]})"

    def _holds(self, offset: int) -> bool:
        return self.archive.exists() and self.archive.stat().st_size > offset

    def _rows(self, name: str, content: dict[str, Any]) -> Rows:
        read = self.stored.get(name)
        if content["offset"] is not None:
            place = f"{self.archive}:{content['offset']}"
            read = functools.partial(ArchiveReader().read, place)
        assert read is not None
        return Rows(name, content["shape"][0], content["times"], read)
