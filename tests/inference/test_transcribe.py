"""What is said in audio, by a recogniser whose outputs depend on a few frames alone."""

import dataclasses
import math

import numpy as np
import pytest
import soundfile
from inference.model_files import RATE, noise, write_model
from inference.recognisers import STEP, TONES, spoken, write_recogniser

import asda
from asda.cli import main
from asda.decoding.decoding_config import DecodingConfig
from asda.files import InputError
from asda.inference.audio_input import sources_of
from asda.inference.transcriber import unit_log_probs
from asda.inference.transcription import SpokenWord, transcription_of


@pytest.fixture
def model(tmp_path):
    return asda.load(write_recogniser(tmp_path / "model.pt"), "cpu")


def drawn(count, seed=0):
    return np.random.default_rng(seed).choice(list(TONES), count).tolist()


def test_words_are_those_that_are_spoken_and_begin_within_a_step(model):
    samples, starts = spoken(["low", "high", "mid"])
    found = model.transcribe(samples, RATE)
    assert found.text == "low high mid"
    for word, start in zip(found.words, starts, strict=True):
        assert abs(word.start - start) <= STEP
        assert word.end - word.start == pytest.approx(STEP)
        assert 0.5 < word.confidence < 1


@pytest.mark.parametrize(
    "options",
    [{"time": 8, "time_stride": 4}, {"time": 8, "steps_per_patch": 2}, {"time": 2}],
    ids=str,
)
def test_times_are_right_with_other_patches(tmp_path, options):
    model = asda.load(write_recogniser(tmp_path / "model.pt", **options), "cpu")
    samples, starts = spoken(["low", "high", "high", "mid"] * 3)
    found = model.transcribe(samples, RATE)
    assert found.text == "low high high mid " * 2 + "low high high mid"
    longest = max(STEP, options["time"] * 0.01)
    for word, start in zip(found.words, starts, strict=True):
        assert abs(word.start - start) <= longest


def test_the_confidence_is_the_probability_of_the_unit(model):
    samples, _ = spoken(["mid"])
    (word,) = model.transcribe(samples, RATE).words
    sources = sources_of(samples, RATE).items
    (window,) = model.run(sources, unit_log_probs(model.network))
    unit = model.labels.index("▁mid")
    step = int((window.output.argmax(-1) == unit).nonzero()[0])
    assert word.confidence == pytest.approx(math.exp(window.output[step, unit]), rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_a_long_recording_gives_the_words_of_its_utterances(model, seed):
    """Half a minute, in windows of two seconds that begin anywhere in words and pauses."""
    rng = np.random.default_rng(seed)
    words = drawn(50, seed)
    samples, starts = spoken(words, gap=rng.uniform(0.1, 0.7, len(words) + 1))
    assert len(samples) > 25 * RATE
    found = model.transcribe(samples, RATE)
    assert found.text.split() == words
    differences = np.array([word.start for word in found.words]) - starts
    assert np.abs(differences).max() <= STEP


def test_windows_change_nothing_where_outputs_are_local(tmp_path, model):
    samples, _ = spoken(drawn(30), gap=0.2)
    whole = asda.load(write_recogniser(tmp_path / "whole.pt", max_frames=5000), "cpu")
    one, other = whole.transcribe(samples, RATE), model.transcribe(samples, RATE)
    assert one.text == other.text
    for word, same in zip(one.words, other.words, strict=True):
        assert dataclasses.astuple(word)[1:] == pytest.approx(
            dataclasses.astuple(same)[1:], abs=1e-4
        )


def test_results_do_not_depend_on_the_batch_size(model):
    clips = [spoken(drawn(count, count))[0] for count in (1, 12, 3)]
    alone = [model.transcribe(clip, RATE) for clip in clips]
    for batch_size in (1, 2, 5):
        for found, expected in zip(
            model.transcribe(clips, RATE, batch_size=batch_size), alone, strict=True
        ):
            assert found.text == expected.text
            assert [w.start for w in found.words] == [w.start for w in expected.words]
            assert [w.confidence for w in found.words] == pytest.approx(
                [w.confidence for w in expected.words], abs=1e-4
            )


def test_segments_end_at_pauses(model):
    samples, starts = spoken(["low", "mid", "high"], gap=[0.3, 0.3, 1.5, 0.3])
    found = model.transcribe(samples, RATE, pause=1.0)
    assert [segment.text for segment in found.segments] == ["low mid", "high"]
    first, second = found.segments
    assert (first.start, first.end) == (found.words[0].start, found.words[1].end)
    assert second.start == pytest.approx(starts[2], abs=STEP)
    assert len(model.transcribe(samples, RATE, pause=5).segments) == 1


def test_a_pause_counts_from_its_length_on():
    words = [SpokenWord("a", 0.0, 0.5, 1.0), SpokenWord("b", 1.0, 1.5, 1.0)]
    assert len(transcription_of(words, 0.5).segments) == 2
    assert len(transcription_of(words, 0.51).segments) == 1


def test_noise_and_clips_of_a_frame_are_without_words(model):
    for seconds in (1.0, 0.025, 9.0):
        found = model.transcribe(1e-3 * noise(seconds), RATE)
        assert (found.text, found.segments, found.words) == ("", [], [])


def test_all_forms_of_audio_give_their_results(model, tmp_path):
    samples, starts = spoken(["low", "high"])
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/wav.scp").write_text(f"utt {tmp_path}/a.wav\n")
    expected = model.transcribe(samples, RATE)
    assert model.transcribe([tmp_path / "a.wav"]) == [expected]
    assert model.transcribe(tmp_path / "data") == {"utt": expected}
    (word,) = model.transcribe((str(tmp_path / "a.wav"), 0.7, 1.2)).words
    assert word.word == "high"
    assert word.start == pytest.approx(starts[1] - 0.7, abs=STEP)  # into the stretch


def test_a_beam_search_gives_the_same_words_and_an_ngram_changes_them(model, tmp_path):
    samples, _ = spoken(["low", "low", "high"])
    beam = DecodingConfig(method="beam", beam=8, prune=20)
    assert model.transcribe(samples, RATE, beam).text == "low low high"
    (tmp_path / "text").write_text("low mid\nmid low high\nlow mid high\n" * 9)
    files = {"text": tmp_path / "text", "units": tmp_path / "units", "out": tmp_path / "lm.arpa"}
    main(["ngram", *(f"--{name}={path}" for name, path in files.items())])
    config = dataclasses.replace(beam, lm=str(files["out"]), lm_weight=20.0)
    assert model.transcribe(samples, RATE, config).text != "low low high"


@pytest.mark.parametrize("kind", ["finetuned", "encoder", "pretrained"])
def test_a_model_that_recognises_nothing_is_refused(tmp_path, kind):
    model = asda.load(write_model(tmp_path / "other.pt", kind), "cpu")
    with pytest.raises(InputError, match=r"other.pt: .* recognises no speech; train .* --init"):
        model.transcribe(noise(1.0), RATE)


def test_a_recogniser_has_no_labels_but_embeddings(model):
    with pytest.raises(InputError, match=r"model.pt: a recogniser has no labels; asda transcribe"):
        model.tag(noise(1.0), RATE)
    assert model.embed(noise(1.0), RATE).shape == (48,)
    assert model.frames(noise(1.0), RATE).features.shape[1] == 48


@pytest.mark.parametrize("pause", [0, -1, math.nan])
def test_a_pause_must_be_positive(model, pause):
    with pytest.raises(InputError, match=r"a pause of .* s; give a number of seconds above 0"):
        model.transcribe(noise(1.0), RATE, pause=pause)


def test_formats_for_classifiers_refuse_a_recogniser_in_one_line(model, tmp_path, capsys):
    path = str(tmp_path / "model.pt")
    capsys.readouterr()
    for form, said in (
        ("sherpa-onnx", "a recogniser; the format sherpa-onnx is for classifiers"),
        ("huggingface", "head 'ctc'"),
    ):
        with pytest.raises(SystemExit):
            main(["export", path, str(tmp_path / form), "--format", form])
        message = capsys.readouterr().err
        assert said in message and message.count("\n") == 1
