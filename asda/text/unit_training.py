"""Train the units of recognition once, and find them again."""

from __future__ import annotations

import io
import shlex
from pathlib import Path
from typing import Any

import yaml

from asda import configuration
from asda.digests import value_digest
from asda.files import InputError, plural, write_lines
from asda.staging import staged
from asda.text.transcripts import read_sentences
from asda.text.unit_model import BLANK_PIECE, LISTED, MODEL, SETTINGS, UNKNOWN_PIECE, UnitModel
from asda.text.units_config import UnitsConfig

SENTENCES = "sentences"  # key of the digest of the texts in units.yaml
LONGEST_SENTENCE = 1 << 20  # bytes; sentencepiece leaves out longer ones without a word


def train_units(config: UnitsConfig) -> None:
    """Train a unit model into the folder `config.out`, unless it holds the same one.

    Raises:
        InputError: if the texts have no words or too few for `size`, or the folder holds units of
            other settings or texts.
    """
    sentences = [config.rules(text) for text in read_sentences(config.text.split())]
    sentences = [sentence for sentence in sentences if sentence]
    if not sentences:
        raise InputError(f"{config.text}: no words in these texts, from which units could be made")
    out = Path(config.out)
    record = _record(config, sentences)
    if (out / SETTINGS).exists():
        _compare(out, record)
        print(f"{out}: up to date, {UnitModel.load(out).describe()}")
        return
    model = UnitModel(_trained(config, sentences), config.rules, out)
    with staged(out) as folder:
        folder.mkdir()
        (folder / MODEL).write_bytes(model.model)
        write_lines(folder / LISTED, model.pieces)
        with open(folder / SETTINGS, "w", encoding="utf-8") as stream:
            yaml.safe_dump(record, stream, sort_keys=False, allow_unicode=True)
    print(f"{out}: {model.describe()} from {len(sentences)} {plural(len(sentences), 'sentence')}")


def _record(config: UnitsConfig, sentences: list[str]) -> dict[str, Any]:
    """Return everything that the units depend on."""
    settings = configuration.to_dict(config)
    kept = {name: settings[name] for name in ("kind", "size", "rules")}
    return kept | {SENTENCES: value_digest(sentences)}


def _compare(out: Path, record: dict[str, Any]) -> None:
    changes = configuration.differences(configuration.read_yaml(out / SETTINGS), record)
    if not changes:
        return
    # Other rules change what the digest is of, and digests would tell nothing.
    if changes.pop(SENTENCES, None) and not any(key.startswith("rules.") for key in changes):
        changes[SENTENCES] = "the texts have changed"
    raise InputError(
        f"{out} holds other units ({'; '.join(changes.values())}): remove it (rm -r"
        f" {shlex.quote(str(out))}) and train into a new experiment (in a recipe, --finetune-tag"
        " TAG), or give these units a folder of their own (--out; in a recipe, other --units-args"
        " or --units-config)"
    )


def _trained(config: UnitsConfig, sentences: list[str]) -> bytes:
    from sentencepiece import SentencePieceTrainer

    stream = io.BytesIO()
    try:
        SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=stream,
            model_type=config.kind,
            vocab_size=config.size or _number_of_units(config.kind, sentences),
            character_coverage=1.0,
            normalization_rule_name="identity",  # the rules have normalised the texts
            pad_id=0,
            pad_piece=BLANK_PIECE,
            unk_id=1,
            unk_piece=UNKNOWN_PIECE,
            bos_id=-1,
            eos_id=-1,
            max_sentence_length=LONGEST_SENTENCE,
            num_threads=1,
            minloglevel=3,
        )
    except RuntimeError as error:
        raise InputError(f"{config.text}: {_reason(error, config)}") from None
    return stream.getvalue()


def _number_of_units(kind: str, sentences: list[str]) -> int:
    words = {word for sentence in sentences for word in sentence.split()}
    if kind == "word":
        return len(words) + 2
    return len(set("".join(words))) + 3  # and the space


def _reason(error: RuntimeError, config: UnitsConfig) -> str:
    """Return why sentencepiece cannot train, in the words of our settings."""
    text = str(error)
    if "too high" in text:
        most = text.rsplit("<=", 1)[-1].strip(" .")
        return f"too little text for {config.size} units; set size to at most {most}"
    if "smaller than required_chars" in text or "required_chars" in text:
        return f"{config.size} units are fewer than the characters of the texts; raise size"
    return f"sentencepiece cannot make units of these texts ({text.splitlines()[-1]})"
