"""What the page about an experiment holds."""

import base64
import hashlib
import json
import re
import sys

import numpy as np
import pytest
from report.experiments import experiment, sounds, trained
from scoring.systems import multi_label, score_folder, single_label

from asda.audio.wav_scp import AudioSegment
from asda.configuration import load, save
from asda.files import InputError
from asda.report import clip_media
from asda.report.embedding_map import HEIGHT, WIDTH
from asda.report.recorded_run import read_run
from asda.report.report_page import write_report
from asda.scoring.folds import merge_folds
from asda.scoring.measurable import Metric
from asda.scoring.utterance_ratios import Ratio, UtteranceRatios
from asda.training.run_config import FinetuneConfig


def page_of(folder):
    write_report(folder)
    return (folder / "report.html").read_text(encoding="utf-8")


def data_of(page):
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1]
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return experiment(tmp_path_factory.mktemp("exp") / "finetune", single_label())


@pytest.fixture(scope="module")
def page(folder):
    return page_of(folder)


def sections(page):
    return re.findall(r"<h2[^>]*>(.*?)</h2>", page)


def test_a_page_has_results_clips_settings_and_curves(page):
    assert sections(page) == [
        "Results on data/test",
        "Most confident errors",
        "Confusion matrix",
        "Classes",
        "Embeddings",
        "Calibration",
        "Training",
        "Curves",
        "Origin of the results",
        "",  # of the list of clips
    ]


def test_a_page_loads_nothing_and_runs_nothing_but_its_own(page):
    addresses = re.findall(r'(?:src|href|action)="([^"]*)"', page)
    assert all(address.startswith(("data:", "#")) for address in addresses)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        text = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert " style=" not in page
    assert not re.search(r"<\w+ [^>]*\bon\w+=", page)


def test_each_cell_lists_its_clips(page):
    data = data_of(page)
    scored = single_label()
    true, predicted = scored.targets.argmax(1), scored.scores.argmax(1)
    for cell, numbers in data["lists"]["score"].items():
        labels = [scored.labels.tolist().index(label) for label in cell.split("\t")]
        clips = scored.utterances[(true == labels[0]) & (predicted == labels[1])]
        found = [data["clips"][number]["name"] for number in numbers]
        assert len(found) == min(len(clips), 10 if labels[0] == labels[1] else 30)
        assert set(found) <= set(clips)


def test_each_sound_is_in_the_page_once(page):
    data = data_of(page)
    assert len(data["players"]) == len(data["clips"])
    for uri in data["players"].values():
        assert uri.startswith("data:audio/mpeg;base64,")
        assert page.count(uri) == 1


def test_a_page_is_the_same_when_it_is_written_again(folder, page):
    assert page_of(folder) == page


def test_labels_and_names_cannot_become_markup(tmp_path):
    scored = single_label(8, 2)
    scored.labels = np.array(["</script><script>alert(1)</script>", "\"'><img/src=x>"])
    scored.utterances = np.array([f"<b>{name}" for name in scored.utterances])
    experiment(tmp_path / "exp", scored, provenance={"data": "<i>set</i>"})
    page = page_of(tmp_path / "exp")
    for markup in ("<b>", "<i>", "<img/", "<script>alert"):
        assert markup not in page
    cells = set(zip(scored.targets.argmax(1), scored.scores.argmax(1), strict=True))
    assert len(data_of(page)["lists"]["score"]) == len(cells)


def test_clips_of_any_labels_are_listed_by_missed_and_false_labels(tmp_path):
    scored = multi_label()
    page = page_of(experiment(tmp_path / "exp", scored))
    assert "Confusion matrix" not in page
    data = data_of(page)
    predicted = scored.probabilities() >= 0.5
    missed = (scored.targets[:, 1] == 1) & ~predicted[:, 1]
    names = {data["clips"][n]["name"] for n in data["lists"]["score"]["missed\tclass1"]}
    assert names == set(scored.utterances[missed])
    counts = re.findall(r'aria-label="(\d+) missed of class1"', page)
    assert counts == [str(missed.sum())]


def test_the_map_has_a_point_for_each_clip_that_can_be_read(tmp_path):
    folder = experiment(tmp_path / "exp", single_label(20, 2))
    (folder / "audio/utt0003.wav").unlink()
    page = page_of(folder)
    clips = data_of(page)["clips"]
    points = re.findall(r'role="option".*?data-clip="(\d+)" data-label="(\d+)"', page)
    assert {clips[int(clip)]["name"] for clip, _ in points} == {
        f"utt{number:04d}" for number in range(20) if number != 3
    }
    assert all(clips[int(clip)]["true"] == f"class{label}" for clip, label in points)
    places = re.findall(r"translate\(([\d.]+) ([\d.]+)\)", page)
    assert all(0 <= float(x) <= WIDTH and 0 <= float(y) <= HEIGHT for x, y in places)


def test_a_page_without_the_map_is_made_without_the_model(tmp_path):
    folder = experiment(tmp_path / "exp", single_label(20, 2))
    write_report(folder, projection=None)
    assert "Embeddings" not in sections((folder / "report.html").read_text())


def test_a_model_that_cannot_be_read_leaves_out_the_map_and_says_so(tmp_path, capsys):
    folder = experiment(tmp_path / "exp", single_label(20, 2))
    (folder / "model.pt").write_bytes(b"no model")
    assert "Embeddings" not in sections(page_of(folder))
    assert f"no map of embeddings: {folder}/model.pt" in capsys.readouterr().err


def test_merged_folds_show_each_fold_and_the_curves_of_all(tmp_path):
    root = tmp_path / "esc10"
    for fold in (1, 2):
        scored = single_label(40, first=100 * fold)
        experiment(root / f"fold{fold}" / "finetune", scored)
    scores = [root / f"fold{fold}/finetune/score" for fold in (1, 2)]
    merge_folds(scores, root / "finetune/score")
    page = page_of(root / "finetune")
    assert "mean of folds" in page
    assert "2 runs, one per fold: ../fold1/finetune, ../fold2/finetune" in page
    assert page.count('<polyline class="valid"') == 2 * 2  # loss and accuracy
    assert len(data_of(page)["clips"]) == len(data_of(page)["players"]) > 40


def test_a_metric_that_a_fold_lacks_is_left_out_of_the_folds(tmp_path):
    """Folds that an earlier version has scored have no calibration error."""
    parts = [score_folder(tmp_path / f"{n}/score", single_label(40, first=100 * n)) for n in (1, 2)]
    result = json.loads((parts[0] / "result.json").read_text())
    del result["metrics"]["ECE"], result["metric_info"]["ECE"]
    (parts[0] / "result.json").write_text(json.dumps(result))
    merge_folds(parts, tmp_path / "all/score")
    page = page_of(tmp_path / "all")
    assert re.findall(
        r'<th scope="col">([^<]*)', page.split("<h3>Folds")[1].split("</thead>")[0]
    ) == [*("fold", "accuracy %", "mAP %", "AUC", "d′")]


def test_a_training_without_scores_has_settings_and_curves_alone(tmp_path):
    page = page_of(trained(tmp_path / "pretrain"))
    assert sections(page) == ["Training", "Curves"]
    assert "This training is not complete" in page


def test_scores_of_other_kinds_show_their_metrics(tmp_path):
    utterances, true = np.array(["a", "b"]), np.array(["x y", "z"])
    errors = Ratio(
        np.array([1.0, 0]), np.array([2.0, 1]), Metric(title="WER %", higher_is_better=False)
    )
    score_folder(tmp_path / "exp/score", UtteranceRatios(utterances, true, {"WER": errors}))
    page = page_of(tmp_path / "exp")
    assert sections(page) == ["Results on data/test", "Origin of the results"]
    assert "WER % 0.333" in page


def test_several_test_sets_are_shown_one_after_the_other(tmp_path):
    experiment(tmp_path / "exp", single_label(), "score_a", provenance={"data": "data/a"})
    experiment(tmp_path / "exp", single_label(seed=1), "score_b", provenance={"data": "data/b"})
    page = page_of(tmp_path / "exp")
    assert [title for title in sections(page) if title.startswith("Results")] == [
        "Results on data/a",
        "Results on data/b",
    ]
    assert len(re.findall(r' id="([^"]+)"', page)) == len(set(re.findall(r' id="([^"]+)"', page)))


def test_players_stop_where_the_page_would_get_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(clip_media, "BUDGET", 30_000)
    monkeypatch.setattr("asda.report.report_page.BUDGET", 30_000)
    page = page_of(experiment(tmp_path / "exp", single_label()))
    data = data_of(page)
    assert 0 < len(data["players"]) < len(data["clips"])
    assert "the others would make the page too large" in page
    assert "Spectrogram of" in page  # the most confident errors come first
    assert sum(map(len, data["players"].values())) < 30_000


def test_audio_that_cannot_be_read_is_counted_and_does_not_stop_the_page(tmp_path):
    scored = single_label(20, 2)
    sources = sounds(tmp_path / "audio", scored)
    (tmp_path / "audio/utt0003.wav").unlink()
    (tmp_path / "audio/utt0004.wav").write_bytes(b"RIFF")
    score_folder(tmp_path / "exp/score", scored, sources=sources)
    page = page_of(tmp_path / "exp")
    assert "18 of 20 clips listed here have a player" in page
    assert "1 (no such file)" in page


def test_commands_in_a_table_of_predictions_are_not_run(tmp_path):
    scored = single_label(6, 2)
    command = AudioSegment(f"touch {tmp_path}/ran; cat {tmp_path}/x.wav |")
    sources = {str(name): command for name in scored.utterances}
    score_folder(tmp_path / "exp/score", scored, sources=sources)
    assert "No player: 6 whose audio file is not known" in page_of(tmp_path / "exp")
    assert not (tmp_path / "ran").exists()


def test_a_player_holds_the_stretch_of_a_segment_and_ten_seconds_at_most(tmp_path):
    scored = single_label(4, 2)
    audio = sounds(tmp_path / "audio", scored, seconds=12)
    sources = {name: found._replace(start=1.0, end=1.5) for name, found in audio.items()}
    sources["utt0003"] = audio["utt0003"]
    media = clip_media.ClipMedia(dict(enumerate(sources.values())), clip_media.FbankConfig())
    media.add_drawn(range(4))
    seconds = [media.spectrograms[number].seconds for number in range(4)]
    assert seconds == [0.5, 0.5, 0.5, 10.0]


def test_a_folder_without_an_experiment_is_refused(tmp_path):
    with pytest.raises(InputError, match="no experiment"):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_the_errors_show_the_margin_by_which_they_are_sorted(page):
    shown = [float(m.replace("−", "-")) for m in re.findall(r"margin</dt><dd>(.*?)</dd>", page)]
    assert len(shown) > 2
    assert shown == sorted(shown)
    assert max(shown) <= 0


def test_a_projection_that_is_not_installed_is_refused_also_where_no_map_is_drawn(
    folder, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "umap", None)
    refusal = pytest.raises(InputError, match=r"this needs umap: .* or choose pca")
    with refusal:
        write_report(folder, tmp_path / "page.html", projection="umap")
    assert list(tmp_path.iterdir()) == []


def test_batches_are_of_clips_or_of_frames(tmp_path):
    folder = trained(tmp_path / "pretrain")
    sizes = [fact for fact in read_run(folder).facts if "per batch" in fact[0]]
    assert sizes == [("clips per batch", "32")]
    config = load(FinetuneConfig, folder / "config.yaml")
    config.data.batch_frames = 12000
    save(config, folder / "config.yaml")
    sizes = [fact for fact in read_run(folder).facts if "per batch" in fact[0]]
    assert sizes == [("frames per batch", "12000")]
    assert "frames per batch" in page_of(folder)
