"""The list of published models, and that of the user."""

import hashlib
import re

import pytest
from checkpoint.reference_files import finetuned

from asda import load
from asda.checkpoint import tensor_files
from asda.checkpoint.load import read_model
from asda.cli import main
from asda.files import InputError
from asda.registry.known_models import PUBLISHED, known_model, known_models, own_list
from asda.registry.model_cache import cached_file


def asda(capsys, *words):
    """Run a command; return its output, and its errors if it fails."""
    try:
        main(list(words))
    except SystemExit as end:
        assert end.code
        return capsys.readouterr().err.strip()
    return capsys.readouterr().out.strip()


def test_published_models_say_what_they_are_where_and_under_which_licence():
    models = known_models()
    assert {"eat-base", "eat-large", "sslam-base", "asda-base"} <= models.keys()
    for model in models.values():
        assert model.what and model.page.startswith("https://") and model.licence
        if model.address:
            assert model.address.startswith("https://") and model.megabytes
        if model.sha256:
            assert "sha256" in model.source  # where the figure is from


def test_the_list_is_part_of_the_package(repository):
    assert '"asda.registry" = ["models.yaml"]' in (repository / "pyproject.toml").read_text()
    assert PUBLISHED.name == "models.yaml"


def test_the_documentation_lists_the_same_models(repository):
    page = (repository / "docs/models.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `([\w-]+)` \|[^|]+\| ([^|]+) \| ([^|]+) \| (.+) \|$", page, re.MULTILINE
    )
    published = {
        name: (model.size.replace("unknown size", "unknown"), model.licence)
        for name, model in known_models().items()
    }
    assert {name: (size, licence) for name, size, licence, _ in rows} == published
    for name, *_, place in rows:
        model = known_model(name)
        assert model.page in place or place == "the same"
        assert place.endswith(", fetched") == bool(model.address)


def test_models_are_listed_with_size_licence_and_whether_they_are_cached(server, capsys):
    (server.folder / "a.pt").write_bytes(b"x")
    asda(
        capsys, "models", "add", "mine", f"{server.url}/a.pt", "--what", "digits", "--licence", "X"
    )
    lines = asda(capsys, "models").splitlines()
    rows = {row[0]: row[1:] for row in (re.findall(r"[^|]*[^| ]", line) for line in lines) if row}
    rows = {name.strip(): [cell.strip() for cell in row] for name, row in rows.items()}
    assert rows["mine"] == ["digits", "unknown size", "X", "fetched when used"]
    assert rows["eat-base"][1:] == ["360 MB", "MIT", "fetched when used"]
    assert rows["eat-base-whole"][1:] == ["unknown size", "MIT", "by hand"]
    assert asda(capsys, "models", "fetch", "mine") == str(cached_file(known_model("mine")))
    assert "| cached " in next(row for row in asda(capsys, "models").splitlines() if "mine" in row)
    table = [line.split("\t") for line in asda(capsys, "models", "list", "--tsv").splitlines()]
    assert {len(row) for row in table} == {len(table[0])} and table[0][0] == "name"
    assert [f"{server.url}/a.pt", "cached"] == [table[-1][2], table[-1][-1]]


def test_an_own_file_gets_a_name_that_all_readers_take(tmp_path, capsys):
    tensor_files.save(finetuned("eat"), tmp_path / "checkpoint.pt")
    said = asda(capsys, "models", "add", "mine", "checkpoint.pt")
    assert said == f"added mine to {own_list()}"
    assert read_model("mine").path == str(tmp_path / "checkpoint.pt")
    assert "a checkpoint of the ASDA or EAT repository" in asda(capsys, "info", "mine")
    assert load("mine", device="cpu").labels == read_model("checkpoint.pt").labels
    assert "wrote model.pt" in asda(capsys, "import-checkpoint", "mine", "model.pt")
    (tmp_path / "checkpoint.pt").unlink()
    assert "mine: no such file" in asda(capsys, "info", "mine")


def test_an_own_list_may_name_files_beside_it(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "group"
    folder.mkdir()
    tensor_files.save(finetuned("eat"), folder / "a.pt")
    (folder / "list.yaml").write_text("# ours\nshared:\n  address: a.pt\n")
    monkeypatch.setenv("ASDA_MODELS", str(folder / "list.yaml"))
    assert read_model("shared").path == str(folder / "a.pt")
    asda(capsys, "models", "add", "more", str(folder / "a.pt"))
    assert (
        (folder / "list.yaml").read_text().startswith("# ours\nshared:\n  address: a.pt\n\nmore:")
    )
    assert "has an entry more already" in asda(capsys, "models", "add", "more", "group/a.pt")


def test_a_copy_of_a_published_model_keeps_its_description_and_checksum(tmp_path, capsys):
    (tmp_path / "copy.safetensors").write_bytes(b"another file")
    found = hashlib.sha256(b"another file").hexdigest()
    words = ["models", "add", "eat-base", "copy.safetensors"]
    said = asda(capsys, *words)
    assert f"copy.safetensors: has the sha256 {found}, expected 8623072d" in said
    assert said.endswith("; if you trust this file, give its sum to --sha256")
    assert "added eat-base" in asda(capsys, *words, "--sha256", found)
    model = known_model("eat-base")
    assert model.address == str(tmp_path / "copy.safetensors") and model.licence == "MIT"
    (tmp_path / "copy.safetensors").write_bytes(b"changed")
    said = asda(capsys, "models", "fetch", "eat-base")
    assert "copy.safetensors has the sha256" in said and said.endswith(
        "remove it, and fetch it again"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n  adress: x\n", "a: no key 'adress', did you mean address?"),
        ("a: x.pt\n", "a: expected lines of 'key: value' below it"),
        ("a:\n  sha256: abc\n", "sha256 abc; expected 64 digits"),
        ("a:\n  address: ftp://x/y.pt\n", "address ftp://x/y.pt; expected http or https"),
        ("a.pt:\n  address: x.pt\n", "'a.pt' is no name for a model"),
        ("none:\n  address: x.pt\n", "'none' is no name for a model"),
    ],
)
def test_a_fault_in_the_list_is_one_line_with_its_place(text, message, tmp_path, monkeypatch):
    (tmp_path / "list.yaml").write_text(text)
    monkeypatch.setenv("ASDA_MODELS", str(tmp_path / "list.yaml"))
    with pytest.raises(InputError) as refused:
        known_models()
    assert str(refused.value).startswith(f"{tmp_path / 'list.yaml'}: ")
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_a_list_that_is_not_there_is_said_and_begun_by_its_first_model(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("ASDA_MODELS", str(tmp_path / "group/list.yaml"))
    ending = f"Your own list: {tmp_path}/group/list.yaml, not written yet."
    assert asda(capsys, "models").endswith(ending)
    (tmp_path / "a.pt").write_bytes(b"x")
    asda(capsys, "models", "add", "mine", "a.pt")
    assert (tmp_path / "group/list.yaml").read_text() == f"mine:\n  address: {tmp_path}/a.pt\n"
