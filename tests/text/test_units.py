"""Units of recognition: normalisation of texts, training, encoding."""

import re

import pytest
import yaml

from asda.cli import main
from asda.files import InputError
from asda.text.text_rules import TextRules
from asda.text.transcripts import read_sentences
from asda.text.unit_model import UnitModel
from asda.text.unit_training import train_units
from asda.text.units_config import UnitsConfig

SENTENCES = ["press one now", "press two to hear the time", "the time is one to two", "ещё раз"]


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(SENTENCES) + "\n")
    return str(path)


def trained(texts, folder, **settings):
    train_units(UnitsConfig(text=texts, out=str(folder), **settings))
    return UnitModel.load(folder)


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("Please press 1, or hold.", "please press 1 or hold"),
        ("l’Été d'Aix", "l'été d'aix"),
        ("(10 seconds of silence)", ""),
        ("IAX (note: (really) no) two", "iax two"),
        ("[ascending tones] tone", "tone"),
        ("H.323 -- 'quoted'", "h 323 'quoted'"),
        ("Ещё\tраз…", "ещё раз"),
        ("cafe\u0301", "café"),
        ("' -", ""),
        ("Wo\u00adche \u05e9\u200f\ufeff", "woche \u05e9"),
        ("\u0e01\u200b\u0e02", "\u0e01 \u0e02"),  # a space without width is one between words
    ],
)
def test_default_rules(text, normalised):
    assert TextRules()(text) == normalised


def test_each_rule_can_be_changed():
    rules = TextRules(brackets="keep", lowercase=False, keep="-", replace={"%": " percent "})
    assert rules("Up-to 5% (or So), don't") == "Up-to 5 percent or So don t"
    assert TextRules(keep="\u200c")("\u0645\u06cc\u200c\u062e") == "\u0645\u06cc\u200c\u062e"


@pytest.mark.parametrize(
    "settings", [{"kind": "unigram", "size": 25}, {"kind": "bpe", "size": 40}, {"kind": "char"}]
)
def test_every_sentence_of_the_training_survives_encoding(texts, tmp_path, settings):
    units = trained(texts, tmp_path / "units", **settings)
    assert units.pieces[:2] == ["<blank>", "<unk>"]
    for sentence in SENTENCES:
        assert min(units.encode(sentence)) > 1
        assert units.decode(units.encode(sentence.upper())) == sentence
    assert (tmp_path / "units/units.txt").read_text().split("\n")[:-1] == units.pieces


def test_characters_are_as_many_as_in_the_texts(texts, tmp_path):
    units = trained(texts, tmp_path / "units", kind="char")
    characters = set("".join(SENTENCES).replace(" ", ""))
    assert set(units.pieces[2:]) == characters | {"▁"}


def test_given_words_become_one_unit_each(tmp_path):
    (tmp_path / "words").write_text("zero\none\ntwo\n")
    units = trained(str(tmp_path / "words"), tmp_path / "units", kind="word")
    assert sorted(units.pieces[2:]) == ["▁one", "▁two", "▁zero"]
    assert len(units.encode("two zero two")) == 3
    assert units.are_words and units.unknown("two three four") == {"three", "four"}


def test_unknown_characters_are_found_and_marked(texts, tmp_path):
    units = trained(texts, tmp_path / "units", kind="char")
    assert not units.are_words and units.unknown("press q 日本") == {"q", "日", "本"}
    assert units.unknown("Press ONE!") == set()
    assert units.decode(units.encode("one q")) == "one <unk>"


def test_blanks_have_no_text(texts, tmp_path):
    units = trained(texts, tmp_path / "units", kind="char")
    numbers = [0, *units.encode("one"), 0, 0]
    assert units.decode(numbers) == "one"


def test_a_second_call_reuses_the_units(texts, tmp_path, capsys):
    units = tmp_path / "units"
    trained(texts, units, kind="char")
    before = (units / "units.model").stat().st_mtime_ns
    trained(texts, units, kind="char")
    assert (units / "units.model").stat().st_mtime_ns == before
    assert "up to date" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("texts", "the texts have changed"),
        ("kind", "kind: char -> word"),
        ("rules", "rules.replace.one: None -> 1"),
    ],
)
def test_units_of_other_texts_or_settings_are_refused(texts, tmp_path, change, said):
    trained(texts, tmp_path / "units", kind="char")
    settings = {"kind": "char"}
    if change == "texts":
        with open(texts, "a") as stream:
            stream.write("more\n")
    elif change == "kind":
        settings = {"kind": "word"}
    else:
        settings |= {"rules": TextRules(replace={"one": "1"})}
    folder = tmp_path / "units"
    said = f"{folder} holds other units ({said}): remove it (rm -r {folder}) and train into a new"
    with pytest.raises(InputError, match=re.escape(said)):
        trained(texts, folder, **settings)


def test_equal_texts_give_equal_units(texts, tmp_path):
    first = trained(texts, tmp_path / "a", kind="unigram", size=25)
    second = trained(texts, tmp_path / "b", kind="unigram", size=25)
    assert first.model == second.model


@pytest.mark.parametrize(("size", "remedy"), [(1000, "set size to at most"), (5, "raise size")])
def test_a_size_that_does_not_fit_the_texts(texts, tmp_path, size, remedy):
    with pytest.raises(InputError, match=remedy):
        trained(texts, tmp_path / "units", kind="unigram", size=size)
    assert not (tmp_path / "units").exists()


def test_texts_without_words(tmp_path):
    (tmp_path / "texts").write_text("(silence)\n...\n")
    with pytest.raises(InputError, match="no words in these texts"):
        trained(str(tmp_path / "texts"), tmp_path / "units", kind="char")


def test_transcripts_of_a_data_directory(tmp_path):
    (tmp_path / "text").write_text("a One two\nb\n")
    assert read_sentences([str(tmp_path)]) == ["One two", ""]
    with pytest.raises(InputError, match="text: no such file"):
        (tmp_path / "empty").mkdir()
        read_sentences([str(tmp_path / "empty")])


def test_what_is_not_a_unit_model(texts, tmp_path):
    trained(texts, tmp_path / "units", kind="char")
    (tmp_path / "units/units.model").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="not a sentencepiece model"):
        UnitModel.load(tmp_path / "units")
    with pytest.raises(InputError, match="asda units"):
        UnitModel.load(tmp_path)


def test_units_without_a_blank_are_refused(tmp_path):
    import io

    import sentencepiece

    stream = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_writer=stream,
        model_type="char",
        vocab_size=24,
        minloglevel=3,
    )
    with pytest.raises(InputError, match="begin with <blank>"):
        UnitModel(stream.getvalue(), TextRules())


def test_the_command(texts, tmp_path, capsys):
    (tmp_path / "units.yaml").write_text(yaml.safe_dump({"kind": "char"}))
    call = ["units", "--config", str(tmp_path / "units.yaml"), "--text", texts]
    main([*call, "--out", str(tmp_path / "units")])
    assert "4 sentences" in capsys.readouterr().out


def test_one_sentence(tmp_path, capsys):
    (tmp_path / "texts").write_text("press one\n")
    trained(str(tmp_path / "texts"), tmp_path / "units", kind="char")
    assert capsys.readouterr().out.endswith(" from 1 sentence\n")
