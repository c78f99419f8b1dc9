"""What a score folder holds: numbers for machines, and a page for people."""

import json

import numpy as np
import pytest
from matplotlib.image import imread
from scoring.systems import multi_label, score_folder, single_label
from sklearn.metrics import (
    average_precision_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

import asda
from asda.files import InputError
from asda.scoring.intervals import intervals
from asda.scoring.metrics import ClassificationMetrics
from asda.scoring.plots import plot_confusion
from asda.scoring.predictions import ScoredClips
from asda.scoring.result_files import report_of, write_results


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("exp") / "finetune_a"
    return score_folder(root / "score", single_label(), expected=61)


def read(folder):
    return json.loads((folder / "result.json").read_text(encoding="utf-8"))


def tsv(path):
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_score_folder_holds_everything(folder):
    assert {path.name for path in folder.iterdir()} == {
        *("scores.npz", "predictions.tsv", "per_class.tsv", "confusion.tsv", "confusion.png"),
        *("reliability.tsv", "reliability.png", "thresholds.tsv", "RESULTS.md", "result.json"),
    }
    np.testing.assert_array_equal(ScoredClips.load(folder).scores, single_label().scores)


def test_result_json_says_what_was_measured_and_how(folder):
    result = read(folder)
    assert result["metric"] == "accuracy"
    assert result["name"] == str(folder.parent)
    assert result["clips"] == {"found": 60, "expected": 61}
    assert result["classes"] == 4
    assert result["multi_label"] is False
    assert result["provenance"]["data"] == "data/test"
    assert result["environment"]["asda"] == asda.__version__
    assert {"date", "commit", "python", "torch", "platform"} <= set(result["environment"])
    assert result["interval"] == {"level": 0.95, "replicates": 1000, "seed": 0, "unit": "clip"}
    scored = single_label()
    for name, interval in intervals(ClassificationMetrics(scored.scores, scored.targets)).items():
        assert result["metrics"][name] == interval._asdict()
        assert interval.low < interval.value < interval.high


def test_the_label_hash_tells_label_lists_apart():
    scored = single_label()
    hashes = [report_of(scored).entries()["labels_hash"]]
    scored.labels = scored.labels[::-1]
    hashes.append(report_of(scored).entries()["labels_hash"])
    scored.labels = scored.labels[::-1]
    hashes.append(report_of(scored).entries()["labels_hash"])
    assert hashes[0] == hashes[2] != hashes[1]


def test_each_class_is_measured_as_sklearn_does(folder):
    scored = single_label()
    true, predicted = scored.targets.argmax(1), scored.scores.argmax(1)
    recall, precision = (
        score(true, predicted, average=None) for score in (recall_score, precision_score)
    )
    for c, row in enumerate(read(folder)["per_class"]):
        assert row["label"] == f"class{c}"
        assert row["clips"] == (true == c).sum()
        of_class = scored.targets[:, c], scored.scores[:, c]
        assert row["AP"] == pytest.approx(average_precision_score(*of_class))
        assert row["AUC"] == pytest.approx(roc_auc_score(*of_class))
        assert row["recall"] == pytest.approx(recall[c])
        assert row["precision"] == pytest.approx(precision[c])
    rows = tsv(folder / "per_class.tsv")
    assert rows[0] == ["label", "clips", "AP", "AUC", "d_prime", "recall", "precision"]
    assert [float(row[5]) for row in rows[1:]] == pytest.approx(recall.tolist())


def test_confusions_are_counted_and_sorted(folder):
    scored = single_label()
    true, predicted = scored.targets.argmax(1), scored.scores.argmax(1)
    counts = np.zeros((4, 4), int)
    np.add.at(counts, (true, predicted), 1)
    rows = tsv(folder / "confusion.tsv")
    assert rows[0] == ["true", *scored.labels]
    assert rows[1:] == [[f"class{c}", *map(str, counts[c])] for c in range(4)]
    pairs = read(folder)["confusions"]
    wrong = counts[~np.eye(4, dtype=bool)]
    assert [pair["clips"] for pair in pairs] == sorted(wrong[wrong > 0], reverse=True)
    for pair in pairs:
        t, g = int(pair["true"][-1]), int(pair["predicted"][-1])
        assert pair["clips"] == counts[t, g]
        assert pair["fraction"] == pytest.approx(counts[t, g] / counts[t].sum())


def test_several_labels_have_neither_confusions_nor_recall(tmp_path):
    folder = score_folder(tmp_path / "score", multi_label())
    assert not list(folder.glob("confusion.*"))
    result = read(folder)
    assert result["metric"] == "mAP"
    assert result["multi_label"] is True
    assert result["confusions"] == []
    assert set(result["per_class"][0]) == {"label", "clips", "AP", "AUC", "d_prime"}
    assert "confusion" not in (folder / "RESULTS.md").read_text(encoding="utf-8")


def test_a_class_without_clips_has_nulls_and_is_not_listed(tmp_path):
    scored = single_label()
    scored = ScoredClips(
        scored.utterances,
        np.hstack([scored.scores, np.full((60, 1), -9, np.float32)]),
        np.hstack([scored.targets, np.zeros((60, 1), np.uint8)]),
        np.append(scored.labels, "absent"),
    )
    folder = score_folder(tmp_path / "score", scored)
    row = read(folder)["per_class"][-1]
    assert row["label"] == "absent" and row["clips"] == 0
    assert {row[key] for key in ("AP", "AUC", "d_prime", "recall", "precision")} == {None}
    assert tsv(folder / "per_class.tsv")[-1] == ["absent", "0", "", "", "", "", ""]
    assert "| absent" not in (folder / "RESULTS.md").read_text(encoding="utf-8")


def test_infinite_d_prime_is_valid_json(tmp_path):
    folder = score_folder(tmp_path / "score", single_label(signal=100))
    text = (folder / "result.json").read_text()
    assert "Infinity" not in text and "NaN" not in text
    assert json.loads(text)["metrics"]["d_prime"]["value"] is None
    assert "| d′         | – [–, –]" in (folder / "RESULTS.md").read_text(encoding="utf-8")


def test_the_page_says_result_classes_confusions_and_origin(folder):
    page = (folder / "RESULTS.md").read_text(encoding="utf-8")
    result = read(folder)
    value, low, high = (100 * result["metrics"]["accuracy"][k] for k in ("value", "low", "high"))
    assert page.startswith(f"# {folder.parent}\n")
    headline = f"**accuracy % {value:.1f} [{low:.1f}, {high:.1f}]** on 60 of 61 clips of 4 classes"
    assert f"{headline} (95% interval)" in page
    worst = min(result["per_class"], key=lambda row: row["recall"])
    listed = page.split("## Classes, worst first by recall")[1].splitlines()
    assert listed[4].split("|")[1].strip() == worst["label"]
    pair = result["confusions"][0]
    cells = [pair["true"], pair["predicted"], str(pair["clips"]), f"{100 * pair['fraction']:.1f}"]
    confusions = page.split("## Most frequent confusions")[1].splitlines()
    assert [cell.strip() for cell in confusions[4].split("|")[1:-1]] == cells
    origin = page.split("## Origin")[1]
    for key, text in (("data", "data/test"), ("updates", "100"), ("asda", asda.__version__)):
        assert any(line.split("|")[1:3] == [f" {key} ", f" {text} "] for line in squeezed(origin))


def squeezed(table):
    return [" ".join(line.split()) for line in table.splitlines() if line.count("|") == 3]


def test_many_classes_show_the_worst_and_the_best(tmp_path):
    folder = score_folder(tmp_path / "score", single_label(clips=240, classes=12))
    page = (folder / "RESULTS.md").read_text(encoding="utf-8")
    table = page.split("## Classes: the 5 worst and the 5 best by recall")[1].split("All classes")[
        0
    ]
    shown = [
        line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| class")
    ]
    ranked = sorted(read(folder)["per_class"], key=lambda row: row["recall"])
    assert shown == ["class", *(row["label"] for row in ranked[:5] + ranked[-5:])]


def test_intervals_over_groups_say_so(tmp_path):
    groups = np.arange(60) // 6
    result = write_results(tmp_path, single_label(), {}, groups=groups)
    scored = single_label()
    expected = intervals(ClassificationMetrics(scored.scores, scored.targets), groups)["accuracy"]
    assert result["metrics"]["accuracy"] == expected._asdict()
    assert result["interval"]["unit"] == "group"
    assert "bootstrap over groups" in (tmp_path / "RESULTS.md").read_text(encoding="utf-8")


def test_a_metric_that_the_clips_do_not_have_is_refused(tmp_path):
    message = "no metric accuracy for these clips; there are mAP, AUC"
    with pytest.raises(InputError, match=message):
        write_results(tmp_path / "score", multi_label(), {}, metric="accuracy")
    assert not (tmp_path / "score").exists()


def test_a_confusion_matrix_is_drawn_with_names_unless_there_are_many(tmp_path, monkeypatch):
    pixels = {}
    for most_named in (6, 5):
        monkeypatch.setattr("asda.scoring.plots.MOST_NAMED", most_named)
        path = tmp_path / f"{most_named}.png"
        plot_confusion(np.eye(6, dtype=int), [f"name{c}" for c in range(6)], path, "exp/finetune")
        pixels[most_named] = imread(path)
    for image in pixels.values():
        blue = (image[..., 2] - image[..., 0] > 0.2).mean()
        assert 0.05 < blue < 0.4  # the diagonal
    dark = {named: (image[..., :3].max(axis=2) < 0.3).sum() for named, image in pixels.items()}
    assert dark[6] > 1.1 * dark[5]
