"""N-gram models: probabilities that sum to 1, and what KenLM reads of them."""

import itertools
import math

import pytest

from asda.cli import main
from asda.text.kneser_ney import BEGIN, END, UNKNOWN, KneserNey
from asda.text.unit_model import UnitModel

kenlm = pytest.importorskip("kenlm")

SENTENCES = [
    "press one now",
    "press two to hear the time",
    "press one to hear the news",
    "the time is one to two",
    "press press one",
]


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(SENTENCES) + "\n")
    return str(path)


def written(tmp_path, model):
    path = tmp_path / "model.arpa"
    model.write(path)
    return kenlm.Model(str(path))


def context_of(reader, tokens):
    """Return the state of KenLM after tokens that follow the beginning of a sentence or not."""
    state, after = kenlm.State(), kenlm.State()
    reader.NullContextWrite(state)
    for token in tokens:
        if token == BEGIN:
            reader.BeginSentenceWrite(after)
        else:
            reader.BaseScore(state, token, after)
        state, after = after, kenlm.State()
    return state


@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_the_probabilities_after_every_context_sum_to_one(tmp_path, order):
    model = KneserNey([sentence.split() for sentence in SENTENCES], order)
    reader = written(tmp_path, model)
    tokens = [*model.vocabulary, BEGIN]
    contexts = set(itertools.product(tokens, repeat=2)) | {(token,) for token in tokens} | {()}
    contexts |= {gram[:-1] for gram in model.probabilities[-1]}
    for context in contexts:
        state = context_of(reader, context)
        total = sum(10 ** reader.BaseScore(state, w, kenlm.State()) for w in model.vocabulary)
        assert total == pytest.approx(1, abs=2e-5), context


def test_probabilities_are_those_of_the_formula():
    """Bigrams of "a b" and "a c": <s> a twice, four others once, so D2 = 4 / (4 + 2 · 1).

    Different tokens before a, b, c: 1 each, before </s>: 2, of 5 bigrams; D1 = 3 / (3 + 2 · 1).
    """
    model = KneserNey([["a", "b"], ["a", "c"]], 2)
    unigrams, bigrams = model.probabilities
    d1, d2, total, vocabulary = 3 / 5, 4 / 6, 5, 5
    lowest = d1 * 4 / total / vocabulary
    assert model.vocabulary == [END, UNKNOWN, "a", "b", "c"]
    assert unigrams[UNKNOWN,] == pytest.approx(lowest)
    assert unigrams["b",] == pytest.approx((1 - d1) / total + lowest)
    assert unigrams[END,] == pytest.approx((2 - d1) / total + lowest)
    assert bigrams["a", "b"] == pytest.approx((1 - d2) / 2 + d2 * 2 / 2 * unigrams["b",])
    assert bigrams[BEGIN, "a"] == pytest.approx((2 - d2) / 2 + d2 / 2 * unigrams["a",])


def test_kenlm_reads_the_same_perplexity(tmp_path):
    model = KneserNey([sentence.split() for sentence in SENTENCES], 3)
    reader = written(tmp_path, model)

    def log_prob(history, token):
        for first in range(max(0, len(history) - 2), len(history) + 1):
            gram = (*history[first:], token)
            if gram in model.probabilities[len(gram) - 1]:
                weights = [
                    model.backoffs.get(history[n:], 1.0)
                    for n in range(max(0, len(history) - 2), first)
                ]
                return math.log10(model.probabilities[len(gram) - 1][gram] * math.prod(weights))
        raise AssertionError(token)

    for sentence in ["press two now", "the news is one", SENTENCES[0]]:
        tokens = (BEGIN, *sentence.split(), END)
        total = sum(log_prob(tokens[:n], tokens[n]) for n in range(1, len(tokens)))
        assert reader.perplexity(sentence) == pytest.approx(
            10 ** (-total / (len(tokens) - 1)), rel=1e-4
        )


def test_a_longer_context_predicts_its_own_text_better(tmp_path):
    found = []
    for order in (2, 3, 4):
        model = KneserNey([sentence.split() for sentence in SENTENCES], order)
        found.append(written(tmp_path, model).perplexity(SENTENCES[1]))
    assert found == sorted(found, reverse=True)
    assert found[-1] < len(model.vocabulary)


@pytest.mark.parametrize("of", ["words", "units"])
def test_the_command_writes_words_or_units(tmp_path, texts, capsys, of):
    units, out = tmp_path / "units", tmp_path / "lm.arpa"
    main(["units", "--text", texts, "--kind", "char", "--out", str(units)])
    capsys.readouterr()
    main(["ngram", "--text", texts, "--units", str(units), "--of", of, "--out", str(out)])
    assert capsys.readouterr().out.endswith(f"3-grams of {of} from 5 sentences\n")
    reader, model = kenlm.Model(str(out)), UnitModel.load(units)
    tokens = ["press", "news"] if of == "words" else model.pieces[2:]
    assert all(token in reader for token in tokens)
    assert f"\t{UNKNOWN}\n" in out.read_text()
    assert reader.order == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--order", "1"], "order must be from 2 to 5"),
        (["--text", "EMPTY"], "no words in these texts"),
        (["--out", "TEXTS"], "would replace the file that is read"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path, texts, capsys, options, message):
    units, empty = tmp_path / "units", tmp_path / "empty.txt"
    empty.write_text("...\n\n")
    main(["units", "--text", texts, "--kind", "char", "--out", str(units)])
    places = {"EMPTY": str(empty), "TEXTS": texts}
    given = {"--text": texts, "--units": str(units), "--out": str(tmp_path / "lm.arpa")}
    given[options[0]] = places.get(options[1], options[1])
    with pytest.raises(SystemExit):
        main(["ngram", *itertools.chain(*given.items())])
    lines = capsys.readouterr().err.strip().splitlines()
    assert message in lines[-1]
    assert not (tmp_path / "lm.arpa").exists()


def test_one_sentence(tmp_path, capsys):
    (tmp_path / "texts").write_text("press one\n")
    units, out = tmp_path / "units", tmp_path / "lm.arpa"
    call = ["--text", str(tmp_path / "texts"), "--out"]
    main(["units", *call, str(units), "--kind", "char"])
    main(["ngram", *call, str(out), "--units", str(units), "--order", "2"])
    assert capsys.readouterr().out.endswith(" from 1 sentence\n")
