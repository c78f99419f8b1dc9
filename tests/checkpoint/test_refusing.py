"""Whatever is not a whole checkpoint is refused in one line that names file and reason."""

import os
import pickle
import random
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch
from checkpoint.reference_files import X, eat_export, finetuned, pretraining

from asda import __version__
from asda.checkpoint import tensor_files
from asda.checkpoint.foreign.unpickle import load_foreign
from asda.checkpoint.load import read_model
from asda.cli import main
from asda.files import InputError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "theirs.pt"


def refusal(path):
    with pytest.raises(InputError) as caught:
        read_model(path)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


def write(name, path):
    content = pickle.dumps([1, 2, 3])
    contents = {
        "empty": b"",
        "text": b"epoch 1 loss 0.5\n" * 40,
        "pickle": content,
        "noise": bytes(range(128, 256)) * 9,
        "audio": b"RIFF\x00\x00\x00\x00WAVE",
    }
    if name == "folder":
        path.mkdir()
    elif name == "array":
        with open(path, "wb") as stream:
            np.save(stream, np.zeros(3))
    elif name == "arrays":
        with open(path, "wb") as stream:
            np.savez(stream, a=np.zeros(3))
    elif name != "missing":
        path.write_bytes(contents[name])


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing", "No such file"),
        ("folder", "a folder; expected a checkpoint"),
        ("empty", "an empty file; expected a checkpoint"),
        ("text", "a text file; expected a checkpoint"),
        ("array", "an array of numpy; expected a checkpoint"),
        ("arrays", "not a torch file; expected a checkpoint"),
        ("audio", "a WAV file; expected a checkpoint"),
        ("pickle", "not a torch file; expected a checkpoint"),
        ("noise", "not a torch file; expected a checkpoint"),
    ],
)
def test_other_kinds_of_file(path, kind, said):
    write(kind, path)
    assert said in refusal(path)


@pytest.mark.parametrize(
    "content",
    [
        {"layer1.0.conv1.weight": torch.zeros(3, 3), "fc.bias": torch.zeros(3)},
        {"state_dict": {"encoder.weight": torch.zeros(2)}, "epoch": 3},
        {"cfg": {"model": {}}, "model": {"w2v_encoder.proj.weight": torch.zeros(2)}},
        [torch.zeros(2)],
        torch.zeros(2),
    ],
)
def test_checkpoints_of_other_programs(path, content):
    torch.save(content, path)
    line = refusal(path)
    assert "expected a model.pt of asda, a checkpoint of ASDA, EAT or SSLAM" in line
    if isinstance(content, dict):
        assert next(iter(content)) in line


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_truncated(path, zipped, share):
    torch.save(pretraining(), path, _use_new_zipfile_serialization=zipped)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert "truncated, damaged or not a torch file" in refusal(path)


def test_every_changed_byte_of_a_tensor_is_noticed(path):
    content = finetuned()
    torch.save(content, path)
    data = path.read_bytes()
    tensor = content["model"]["model.blocks.1.mlp.fc1.weight"].numpy().tobytes()
    place = data.index(tensor) + 1000
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    assert "damaged: the checksum" in refusal(path)


@pytest.mark.slow
def test_damage_anywhere_is_refused_or_harmless(path):
    """The old format has no checksums; its pickles must not end in anything but a refusal."""
    torch.save(finetuned(depth=1), path, _use_new_zipfile_serialization=False)
    data, rng = path.read_bytes(), random.Random(0)
    pickled = 9000  # bytes before the tensors
    refused = 0
    for _ in range(150):
        damaged = bytearray(data)
        damaged[rng.randrange(pickled)] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            read_model(path)
        except InputError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 20


class Attack:
    """Unpickled freely, it makes a file."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_not_run(path, tmp_path, zipped):
    content = pretraining() | {"extra_state": Attack(tmp_path / "owned")}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert "it asks to run posix.mkdir" in refusal(path)
    assert not (tmp_path / "owned").exists()
    torch.load(path, weights_only=False)  # the attack is real
    assert (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "code",
    [
        b"cbuiltins\neval\n(V1\ntR.",
        b"ctorch.hub\nload\n(V1\ntR.",
        b"\x80\x04\x8c\x05torch\x8c\x11hub.os.StdStorage\x93.",
        b"cbuiltins\ngetattr\n(cos\nsystem\nVx\ntR.",
    ],
)
def test_roundabout_calls_are_refused_too(path, code):
    path.write_bytes(b"\x80\x02" + code)
    refusal(path)


def test_a_large_index_of_an_object_takes_no_memory(path):
    """The unpickler in C would allocate 2 GB for this one."""
    parts = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {})]
    dict_of_index = b"\x80\x02}r\xff\xff\xff\x07."  # EMPTY_DICT, LONG_BINPUT 2**27 - 1, STOP
    path.write_bytes(b"".join([*parts, dict_of_index, pickle.dumps([], 2)]))
    load_foreign(path)  # imports what it needs
    tracemalloc.start()
    assert load_foreign(path) == {}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24


def test_long_names_are_refused_in_no_time(path):
    """torch.load(weights_only=True) would take 20 s for this one, and 100 times that for 1 MB."""
    parts = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {})]
    path.write_bytes(b"".join([*parts, b"\x80\x02ctorch\n", b"x" * 100_000, b"\n."]))
    start = time.process_time()
    with pytest.raises(InputError, match="damaged, or not a file of tensors written by asda"):
        tensor_files.load(path)
    refusal(path)
    assert time.process_time() - start < 3


def test_files_of_asda_are_read_where_weights_only_is_forced(path, monkeypatch):
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")
    tensor_files.save({"weights": {"a": torch.ones(2)}}, path)
    assert torch.equal(tensor_files.load(path, "weights")["weights"]["a"], torch.ones(2))


def test_a_small_file_that_would_fill_memory_is_refused(path, tmp_path):
    """Torch itself reads both, and makes gigabytes of a few kilobytes."""
    content = finetuned()
    name = "model.blocks.1.mlp.fc1.weight"
    content["model"][name] = torch.zeros(1).expand(content["model"][name].shape)
    torch.save(content, path)
    assert f"{name} (224, 64) of fewer stored values, expected (224, 64)" in refusal(path)
    with zipfile.ZipFile(path) as stored, zipfile.ZipFile(tmp_path / "b.pt", "w", 8) as packed:
        for part in stored.infolist():
            packed.writestr(part.filename, stored.read(part))
    assert refusal(tmp_path / "b.pt").startswith("has compressed parts")
    assert torch.load(tmp_path / "b.pt", weights_only=False)["model"][name].stride() == (0, 0)


def without(name):
    return lambda tensors: tensors.pop(name)


def with_extra(name):
    return lambda tensors: tensors.update({name: torch.zeros(3)})


def replaced(name, value):
    return lambda tensors: tensors.update({name: value})


NORM = "blocks.1.norm2.weight"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without(NORM), f"1 missing: {NORM}"),
        (without(f"{X}extra_tokens"), f"1 missing: {X}extra_tokens"),
        (without(f"{X}local_encoder.proj.weight"), f"1 missing: {X}local_encoder.proj.weight"),
        (without(f"{X}decoder.proj.bias"), f"1 missing: {X}decoder.proj.bias"),
        (without("_ema"), "model._ema is missing"),
        (with_extra("blocks.1.attn.q_norm.weight"), "1 unexpected: blocks.1.attn.q_norm.weight"),
        (replaced(NORM, torch.zeros(65)), f"1 of another size: {NORM} (65,), expected (64,)"),
        (replaced(NORM, torch.zeros(64).long()), f"{NORM} (torch.int64), expected (64,)"),
        (replaced(NORM, [1.0]), f"{NORM} (list), expected (64,)"),
        (
            replaced(f"{X}fixed_positional_encoder.positions", torch.randn(1, 512, 64)),
            "not the fixed sine and cosine positions",
        ),
    ],
)
def test_tensors_that_are_not_those_of_the_model(path, change, said):
    content = pretraining()
    change(content["model"])
    torch.save(content, path)
    assert said in refusal(path)


def test_the_teacher_is_checked_too(path):
    content = pretraining()
    del content["model"]["_ema"]["blocks.0.attn.v.bias"]
    torch.save(content, path)
    assert "1 missing: _ema.blocks.0.attn.v.bias" in refusal(path)


def test_a_classifier_without_head(path):
    content = finetuned()
    del content["model"]["head.weight"], content["model"]["head.bias"]
    torch.save(content, path)
    assert "2 missing: head.bias, head.weight" in refusal(path)


def test_many_differences_are_counted_and_the_first_named(path):
    content = pretraining()
    for name in [n for n in content["model"] if n.endswith("bias") and n.startswith("blocks")]:
        del content["model"][name]
    torch.save(content, path)
    assert "16 missing: blocks.0.attn.norm.bias, " in refusal(path)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("depth", 3, "cfg.model.depth is 3, but the tensors say 2"),
        ("embed_dim", 96, "cfg.model.embed_dim is 96, but the tensors say 64"),
        ("num_heads", 5, "model.heads: 5 does not divide the width 64"),
        ("num_heads", "many", "cfg.model.num_heads is 'many', expected a number"),
        ("average_top_k_layers", 9, "model.target_layers 9 must lie in 1..2"),
        ("modalities", None, "cfg.model.modalities is NoneType, expected a plain dict"),
        ("layer_norm_first", True, "asda has no such form"),
    ],
)
def test_a_cfg_that_the_tensors_contradict(path, key, value, said):
    content = pretraining()
    content["cfg"]["model"][key] = value
    torch.save(content, path)
    assert said in refusal(path)


@pytest.mark.parametrize(
    ("key", "value"), [("decoder_layers", 6), ("decoder_dim", 96), ("decoder_kernel", 5)]
)
def test_a_decoder_that_the_cfg_contradicts(path, key, value):
    content = pretraining()
    content["cfg"]["model"]["modalities"]["image"]["decoder"][key] = value
    torch.save(content, path)
    assert f"image.decoder.{key} is {value}, but the tensors say" in refusal(path)


def test_a_head_or_an_eat_mlp_that_the_cfg_contradicts(path):
    content = finetuned("eat")
    content["cfg"]["model"]["num_classes"] = 527
    torch.save(content, path)
    assert "cfg.model.num_classes is 527, but the tensors say 5" in refusal(path)
    content = pretraining("eat")
    content["cfg"]["model"]["mlp_ratio"] = 3.5
    torch.save(content, path)
    assert "cfg.model.mlp_ratio is 3.5, but the tensors say 4" in refusal(path)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("model", "head.weight", torch.tensor(1.0)),
        ("cfg", "task", "classification"),
        ("task_state", "labels", "dog"),
        ("cfg", "task", {"norm_std": 0.0}),
        ("cfg", "task", {"target_length": float("inf")}),
    ],
)
def test_odd_values_of_a_reference_checkpoint(path, part, key, value):
    content = finetuned()
    content.setdefault(part, {})[key] = value
    torch.save(content, path)
    assert refusal(path)


@pytest.fixture
def own(path):
    """The content of a model.pt of asda."""
    torch.save(finetuned(), path)
    return read_model(path).content()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("facts", "lost", "unexpected content of facts"),
        ("model", "tiny", "unexpected content of model"),
        ("model", {"size": None}, "'size' needs a value"),
        ("model", {"heads": 5}, "model.heads: 5 does not divide the width"),
        ("weights", "none", "unexpected content of weights"),
        ("weights", {"head.weight": [1.0]}, "unexpected content of weights"),
        ("weights", {}, "its tensors do not fit the model"),
        ("labels", [1, 2, 3, 4, 5], "unexpected content of labels"),
        ("kind", "decoder", "unexpected content of kind"),
        ("head", {"name": "classifier", "pooling": "max"}, "no pooling 'max' of layers 'last'"),
        ("head", {"name": "transducer"}, "head 'transducer' is not registered (known: classifier"),
        ("output", "ctc", "output ctc; the output of head classifier is one of softmax, sigmoid"),
        ("output", None, "unexpected content of output"),
        ("head", {}, "head 'None' is not registered"),
        ("head", {"name": "classifier"}, "missing 1 required positional argument: 'pooling'"),
        ("normalization", {}, "KeyError: 'mean'"),
        ("normalization", {"mean": 0.0, "std": float("nan")}, "normalisation by mean 0.0"),
        ("data", {"max_frames": 0}, "data.max_frames must be at least 1"),
        ("fbank", {"sample_rate": "high"}, "sample_rate"),
    ],
)
def test_odd_values_of_a_model_of_asda(path, own, key, value, said):
    torch.save(own | {key: value}, path)
    assert said in refusal(path)


def test_a_model_of_asda_that_lacks_a_part(path, own):
    del own["facts"]
    torch.save(own, path)
    assert "missing fields facts: the file is incomplete" in refusal(path)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("model", {"experts": 8}, "no key 'experts'"),
        ("data", {"channels": 2}, "no key 'channels'"),
        ("format", "asda model 9", "format 'asda model 9', expected 'asda model 2'"),
    ],
)
def test_a_model_of_a_newer_asda_says_so(path, own, key, value, said):
    newer = {"asda": "9.1.0", "facts": own["facts"] | {"commit": "1a2b3c4"}}
    torch.save(own | newer | {key: value}, path)
    line = refusal(path)
    assert said in line
    assert f"(written by asda 9.1.0, commit 1a2b3c4; this is asda {__version__})" in line


def test_no_cfg(path):
    content = pretraining()
    del content["cfg"]
    torch.save(content, path)
    assert "cfg is NoneType, expected a plain dict with the geometry" in refusal(path)


def test_import_writes_nothing_of_a_refused_file(path, tmp_path, capsys):
    content = pretraining()
    del content["model"][NORM]
    torch.save(content, path)
    with pytest.raises(SystemExit) as stopped:
        main(["import-checkpoint", str(path), str(tmp_path / "model.pt")])
    assert stopped.value.code == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "model.pt").exists()


def test_a_flat_file_of_the_wrong_tensors_is_refused_by_name(path):
    tensors = eat_export()
    del tensors["model.pre_norm.bias"]
    torch.save(tensors, path)
    assert "1 missing: model.pre_norm.bias" in refusal(path)
