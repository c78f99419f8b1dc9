"""The prompts of Asterisk's core sounds: recordings, their texts, and what is wrong with them."""

from __future__ import annotations

import gzip
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from digits import spell_digits

from asda.audio.waveform import AudioError, audio_duration
from asda.files import InputError

# Language -> voice, as Debian's folders (sounds/en_US_f_Allison) and the credits name them.
VOICES = {"en": "allison", "es": "allison", "fr": "june", "it": "carlo", "ru": "ivrvoice"}
BRACKETS = re.compile(r"\[[^]]*\]|\([^)]*\)|<[^>]*>")
# The fastest plausible prompts have 18 letters and digits per second. Where a list has more, its
# text is that of an earlier, longer recording.
FASTEST = 20.0


class Prompt(NamedTuple):
    """A recording with the text that is spoken in it; `name` is for example digits/1."""

    language: str
    name: str
    path: Path
    text: str
    seconds: float

    @property
    def speaker(self) -> str:
        return f"{self.language}-{VOICES[self.language]}"

    @property
    def utterance(self) -> str:
        """The ID, which begins with the speaker as Kaldi's sorting requires, and is a file name."""
        return f"{self.speaker}-{self.name.replace('/', '.')}"


class Remark(NamedTuple):
    """Why a prompt is left out, or what of its text is."""

    language: str
    name: str
    reason: str
    text: str


class Language(NamedTuple):
    """What a package has: prompt -> its texts (several if the list repeats it), and -> its file."""

    name: str
    texts: Mapping[str, list[str]]
    recordings: Mapping[str, Path]


def read_language(folder: Path, name: str) -> Language:
    """Read one language of a corpus, unpacked from upstream's archives or Debian's packages.

    Raises:
        InputError: if its list of texts or its recordings are missing.
    """
    for table, sounds in _places(folder, name):
        if table.is_file():
            found = {
                path.relative_to(sounds).with_suffix("").as_posix(): path
                for path in sorted(sounds.resolve().rglob("*.wav"))
                if not path.name.startswith(".")
            }
            if not found:
                raise InputError(f"{sounds}: no recordings (*.wav); unpack the archive again")
            return Language(name, read_texts(table), found)
    raise InputError(
        f"{folder}: neither {name}/core-sounds-{name}.txt (upstream's archive) nor Debian's "
        f"usr/share/doc/asterisk-core-sounds-{name}; run stage 0 or correct --db-dir"
    )


def _places(folder: Path, name: str) -> Iterator[tuple[Path, Path]]:
    """Yield where the list and the recordings of a language may be."""
    file = f"core-sounds-{name}.txt"
    yield folder / name / file, folder.resolve() / name
    share = folder.resolve() / "usr/share"
    voices = sorted(share.glob(f"asterisk/sounds/{name}_*_*"))
    for table in (file, f"{file}.gz"):
        for voice in voices:
            yield share / f"doc/asterisk-core-sounds-{name}" / table, voice


def read_texts(path: Path) -> dict[str, list[str]]:
    """Return prompt -> texts of a list with lines `prompt: text` and comments after a semicolon.

    Raises:
        InputError: if a line has another form, or the file is not UTF-8.
    """
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text ({error.reason}); fetch it again") from None
    texts: dict[str, list[str]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith(";"):
            continue
        name, colon, text = line.partition(":")
        if not colon or len(name.split()) != 1:
            raise InputError(f"{path}:{number}: not of the form 'prompt: text'; correct the line")
        texts.setdefault(name.strip(), []).append(" ".join(text.split()))
    return texts


def directions(languages: Collection[Language]) -> set[str]:
    """Return the prompts whose whole text is in brackets, in any language: tones and silence."""
    return {
        name
        for language in languages
        for name, texts in language.texts.items()
        if any(text and not BRACKETS.sub("", text).strip() for text in texts)
    }


def sort_out(languages: Collection[Language]) -> tuple[list[Prompt], list[Remark]]:
    """Return the prompts that can be used, and remarks on all that are not used as they are."""
    prompts: list[Prompt] = []
    remarks: list[Remark] = []
    silent = directions(languages)
    names = {name for language in languages for name in language.texts}
    glued = re.compile("|".join(rf"\b{re.escape(name)}: " for name in sorted(names)))
    for language in languages:
        for name in sorted({*language.texts, *language.recordings}):
            texts = language.texts.get(name, [])
            reason = fault_of(language, name, texts, silent, glued)
            if not reason:
                prompt, reason = with_audio(language, name, texts[0])
                if prompt:
                    prompts.append(prompt)
            if reason:
                remarks.append(Remark(language.name, name, reason, " | ".join(texts)))
    return prompts, remarks


def fault_of(
    language: Language, name: str, texts: list[str], silent: set[str], glued: re.Pattern[str]
) -> str:
    """Return why the text of a prompt cannot be used; empty if it can."""
    if name in silent:
        return "no speech: its text is a stage direction"
    if name not in language.recordings:
        return "no recording"
    if not texts:
        return "no text"
    if len(texts) > 1:
        return "two texts in the list"
    if not texts[0]:
        return "empty text"
    if glued.search(texts[0]):
        return "the name of a prompt in the text: lines have run together"
    if any(has_words(part) for part in BRACKETS.findall(texts[0])):
        return "words in brackets, which may not be spoken"
    return ""


def with_audio(language: Language, name: str, raw: str) -> tuple[Prompt | None, str]:
    """Return the prompt, or None, and a remark if it is left out or its text is shortened."""
    path, written = language.recordings[name], " ".join(BRACKETS.sub(" ", raw).split())
    text = spell_digits(written, language.name)
    try:
        seconds = audio_duration(str(path))
    except AudioError as error:
        return None, f"unusable audio: {error}"
    if sum(map(str.isalnum, text)) > FASTEST * seconds:
        return None, f"more than {FASTEST:g} letters per second: another text is spoken"
    prompt = Prompt(language.name, name, path, text, seconds)
    return prompt, "kept without the symbol in brackets" if written != raw else ""


def has_words(text: str) -> bool:
    return any(map(str.isalnum, text))
