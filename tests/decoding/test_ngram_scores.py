"""Beam search with an n-gram, against KenLM's own scores of sentences."""

import numpy as np
import pytest
from decoding.paths import PIECES, by_brute_force, random_log_probs, spell

from asda.decoding.decoding_config import DecodingConfig
from asda.decoding.ngram_scores import NGramScores
from asda.decoding.prefix_beam import PrefixBeamSearch
from asda.files import InputError
from asda.text.kneser_ney import KneserNey

kenlm = pytest.importorskip("kenlm")
CUT_OFF = b"\\data\\\nngram 1=3\nngram 2=9\n\n\\1-grams:\n-1\t<unk>\n-1\t<s>\n-1\t</s>\n"


@pytest.fixture
def words_arpa(tmp_path):
    path = tmp_path / "words.arpa"
    KneserNey([["ab", "a"], ["ab", "ab", "a"], ["b", "a"], ["ab"]], 3).write(path)
    return str(path)


@pytest.fixture
def units_arpa(tmp_path):
    path = tmp_path / "units.arpa"
    KneserNey([["▁a", "b", "▁a"], ["▁a", "b"], ["b", "▁a"]], 3, PIECES[1:]).write(path)
    return str(path)


def sentence_of(units, tokens):
    if tokens == "units":
        return " ".join(PIECES[unit] for unit in units)
    return "".join(PIECES[unit] for unit in units).replace("▁", " ").strip()


@pytest.mark.parametrize("tokens", ["words", "units"])
@pytest.mark.parametrize("seed", range(6))
def test_the_best_sum_of_all_scores_is_found(request, tokens, seed):
    arpa = request.getfixturevalue(f"{tokens}_arpa")
    log_probs, reader = random_log_probs(seed, 6, 4), kenlm.Model(arpa)
    config = DecodingConfig(
        "beam", 10**6, float("inf"), lm=arpa, lm_of=tokens, lm_weight=0.7, word_bonus=0.3
    )

    def total(units, log_prob):
        score = reader.score(sentence_of(units, tokens)) * np.log(10)
        return log_prob + 0.7 * score + 0.3 * sum(PIECES[u].startswith("▁") for u in units)

    expected = {units: total(units, sums) for units, sums in by_brute_force(log_probs).items()}
    found = PrefixBeamSearch(config, PIECES, NGramScores(arpa, PIECES, tokens))(log_probs)
    assert found.score == pytest.approx(max(expected.values()), abs=1e-4)
    assert expected[found.units] == pytest.approx(found.score, abs=1e-4)


def test_the_weight_of_the_n_gram_moves_a_decision(words_arpa):
    """By sound "b" is a little more probable than "ab", which the n-gram has seen more often."""
    log_probs = spell([0.5, 0, 0.5, 0], [0.01, 0, 0, 0.99])
    log_probs[0, :3] = np.log([0.52, 1e-9, 0.48])
    found = {}
    for weight in (0.0, 0.5):
        config = DecodingConfig("beam", lm=words_arpa, lm_weight=weight)
        found[weight] = PrefixBeamSearch(config, PIECES, NGramScores(words_arpa, PIECES, "words"))(
            log_probs
        ).units
    assert found == {0.0: (3,), 0.5: (2, 3)}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "End of file"),
        (b"hello\n", 'first non-empty line was "hello" not \\data\\.'),
        (CUT_OFF, "End of file"),
        (b"\x80\xff\xab" * 99, "codec can't decode"),
    ],
)
def test_a_damaged_n_gram_is_refused_in_one_line(tmp_path, content, fault):
    path = tmp_path / "lm.arpa"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        NGramScores(path, PIECES, "words")
    message = str(error.value)
    assert message.startswith(f"{path}: not an n-gram that KenLM can read (")
    assert fault in message
    assert message.endswith("; make it again")
    assert "\n" not in message and "lm/" not in message.replace(str(path), "")


def test_a_missing_n_gram_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file; make an n-gram with asda ngram"):
        NGramScores(tmp_path / "none.arpa", PIECES, "words")
