"""From unpacked packages to data directories: measure, drop, write."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path

from clip_measures import RATE, Measures, measure
from package_licences import licences_of
from package_list import PackageList
from same_sounds import repeated

from asda.audio.waveform import read_audio
from asda.corpus.write import write_data_dir
from asda.digests import value_digest
from asda.files import atomic_write, write_json, write_lines

DIRECTORIES = {"speech": ("speech",), "sound": ("sound",), "all": ("speech", "sound")}
DIRECTORIES |= {"prompts": ("prompts",)}


@dataclass(frozen=True)
class Limits:
    """Lengths of the clips that are kept, in seconds."""

    shortest: float
    longest: float


@dataclass
class Clip:
    """An audio file of a package, and why it is left out, if it is."""

    package: str
    measures: Measures
    kind: str
    language: str
    speaker: str
    dropped: str = ""
    of: str = ""  # the clip that it repeats

    @property
    def utterance(self) -> str:
        """An ID of its own, in which the speaker comes first."""
        stem = _word(Path(self.measures.path).stem)[:60]
        return f"{self.speaker}-{stem}-{value_digest(self.measures.path)[:6]}"

    @property
    def name(self) -> str:
        """Package and path, as the tables have it."""
        return f"{self.package}/{self.measures.path}"


def collect(packages: PackageList, folder: Path, limits: Limits, jobs: int) -> None:
    """Write the data directories and tables of the unpacked packages, unless they are written."""
    unpacked = [name for name in packages.packages if (folder / "audio" / name).is_dir()]
    versions = {name: _version(folder, name) for name in unpacked}
    state = value_digest([asdict(packages), asdict(limits), versions])
    done = folder / "done"
    if done.is_file() and done.read_text(encoding="utf-8").strip() == state:
        print(f"{folder}: complete; nothing to do")
        return
    clips = []
    with ProcessPoolExecutor(jobs) as pool:
        for name in unpacked:
            clips += list(_clips(packages, folder, name, limits, pool))
    _drop_repeated(clips, folder)
    _write_directories(clips, folder)
    _write_tables(packages, clips, versions, folder)
    write_lines(done, [state])


def _version(folder: Path, package: str) -> str:
    return (folder / "audio" / package / "version").read_text(encoding="utf-8").strip()


def _clips(
    packages: PackageList, folder: Path, name: str, limits: Limits, pool: ProcessPoolExecutor
) -> Iterator[Clip]:
    package = packages.packages[name]
    files = folder / "audio" / name / "files"
    paths = sorted(str(p.relative_to(files)) for p in files.rglob("*") if p.is_file())
    dropped = {path: packages.dropped(name, path) for path in paths}
    wanted = [path for path in paths if not dropped[path]]
    known = _measured(folder, name, wanted, limits, pool)
    for path in paths:
        found = known.get(path) or Measures(path)
        kind, voice = package.kind_of(path), package.voice_of(path)
        language = package.language_of(path) if kind != "sound" else ""
        yield Clip(
            name, found, kind, language, f"{name}-{_word(voice)}", dropped[path] or found.fault
        )


def _measured(
    folder: Path, name: str, paths: list[str], limits: Limits, pool: ProcessPoolExecutor
) -> dict[str, Measures]:
    """Return path -> measures; those in the package's file, made with these limits, are kept."""
    table = folder / "measures" / f"{name}.json"
    key = value_digest([asdict(limits), _version(folder, name)])
    known: dict[str, Measures] = {}
    if table.is_file():
        stored = json.loads(table.read_text(encoding="utf-8"))
        if stored["key"] == key:
            known = {line["path"]: Measures(**line) for line in stored["clips"]}
    if missing := [path for path in paths if path not in known]:
        print(f"measuring {name}: {len(missing)} files", flush=True)
        files = folder / "audio" / name / "files"
        one = partial(measure, files, shortest=limits.shortest, longest=limits.longest)
        known |= {clip.path: clip for clip in pool.map(one, missing, chunksize=16)}
        write_json(table, {"key": key, "clips": [asdict(clip) for clip in known.values()]})
    return known


def _drop_repeated(clips: list[Clip], folder: Path) -> None:
    """Drop all but one of the clips with one sound; prompts come first, so that none is outside."""
    usable = [clip for clip in clips if not clip.dropped]
    usable.sort(key=lambda clip: (clip.kind != "prompts", -clip.measures.seconds, clip.name))
    files = [folder / "audio" / clip.package / "files" / clip.measures.path for clip in usable]
    print(f"comparing {len(usable)} clips", flush=True)
    audio = lru_cache(256)(lambda index: read_audio(str(files[index]), RATE))
    found = repeated([clip.measures for clip in usable], audio)
    for index, (first, how) in found.items():
        usable[index].dropped, usable[index].of = how, usable[first].name


def _write_directories(clips: list[Clip], folder: Path) -> None:
    for name, kinds in DIRECTORIES.items():
        chosen = {c.utterance: c for c in clips if not c.dropped and c.kind in kinds}
        if not chosen:
            continue
        audio = (folder / "audio").resolve()
        tables = {
            "wav.scp": {
                u: str(audio / c.package / "files" / c.measures.path) for u, c in chosen.items()
            },
            "utt2label": {u: c.kind for u, c in chosen.items()},
            "utt2dur": {u: f"{c.measures.seconds:.3f}" for u, c in chosen.items()},
            "utt2lang": {
                u: c.language or ("zxx" if c.kind == "sound" else "und") for u, c in chosen.items()
            },
        }
        speakers = {u: c.speaker for u, c in chosen.items()}
        write_data_dir(folder / "data" / name, tables, list(kinds), speakers)


def _write_tables(
    packages: PackageList, clips: list[Clip], versions: dict[str, str], folder: Path
) -> None:
    """Write packages.tsv, a line per package, and dropped.tsv, a line per clip left out."""
    with atomic_write(folder / "packages.tsv") as stream:
        stream.write("package\tversion\tlicences\tfiles\tkept\tspeech h\tsound h\tprompts h\twhy\n")
        for name, version in versions.items():
            own = [clip for clip in clips if clip.package == name]
            kept = [clip for clip in own if not clip.dropped]
            hours = [
                f"{sum(c.measures.seconds for c in kept if c.kind == kind) / 3600:.3f}"
                for kind in ("speech", "sound", "prompts")
            ]
            paths = [clip.measures.path for clip in kept]
            licences = licences_of(folder / "audio" / name / "copyright", paths)
            why = packages.packages[name].why
            line = [name, version, licences, str(len(own)), str(len(kept)), *hours, why]
            stream.write("\t".join(line) + "\n")
    with atomic_write(folder / "dropped.tsv") as stream:
        stream.write("clip\tseconds\treason\trepeats\n")
        for clip in clips:
            if clip.dropped:
                reason = " ".join(clip.dropped.split())
                stream.write(f"{clip.name}\t{clip.measures.seconds:g}\t{reason}\t{clip.of}\n")


def _word(text: str) -> str:
    """Return a text as part of an ID: other characters than letters and digits become _."""
    return re.sub(r"[^\w.]+", "_", text)
