"""YAML files as typed configuration: what is written must be meant, and is said where it is not."""

import inspect
import re
import sys
from dataclasses import dataclass, field

import pytest
import yaml

from asda.command_line import run_cli
from asda.configuration import load, read_yaml
from asda.files import InputError
from asda.training.run_config import PretrainConfig


@dataclass
class Inner:
    """Inner.

    Args:
        size: a number
    """

    size: int = 1


@dataclass
class Outer:
    """Outer.

    Args:
        name: a word
        inner: a section
    """

    name: str = "none"
    inner: Inner = field(default_factory=Inner)


def by_option(path):
    return run_cli(Outer, ["--config", str(path)], "asda")


def by_joined_option(path):
    return run_cli(Outer, [f"--config={path}"], "asda")


def by_load(path):
    return load(Outer, path)


READERS = pytest.mark.parametrize("read", [by_option, by_joined_option, by_load])


@pytest.fixture
def written(tmp_path):
    def write(text):
        (tmp_path / "c.yaml").write_text(text)
        return tmp_path / "c.yaml"

    return write


@READERS
@pytest.mark.parametrize(
    "text",
    ["name: a\ninner:\n  size: 2\n", "name: a\ninner.size: 2\n", "{name: a, inner: {size: 2}}"],
)
def test_values_are_read(written, read, text):
    assert read(written(text)) == Outer("a", Inner(2))


@READERS
@pytest.mark.parametrize("text", ["inner: {}\n", "name: none\n"])
def test_what_is_left_out_has_its_default(written, read, text):
    assert read(written(text)) == Outer()


@READERS
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("iner:\n", "no key 'iner', did you mean inner?"),
        ("iner: {}\n", "no key 'iner', did you mean inner?"),
        ("iner:\n  size: 2\n", "no key 'iner', did you mean inner?"),
        ("inner:\n  sise: {}\n", "no key 'inner.sise', did you mean size?"),
        ("inner:\n  # size: 2\nname: a\n", "'inner' needs keys below it, or leave it out"),
        ("inner: 3\n", "'inner' needs keys below it, or leave it out"),
        ("name:\n", "'name' needs a value, or leave it out"),
        ("inner: {size: null}\n", "'inner.size' needs a value, or leave it out"),
        ("- name\n", "expected lines of 'key: value'"),
    ],
)
def test_keys_that_mean_nothing_are_refused_by_file_and_name(written, read, text, message):
    path = written(text)
    with pytest.raises(InputError, match=re.escape(f"{path}: {message}")):
        read(path)


@READERS
@pytest.mark.parametrize("text", ["inner:\n  size: two\n", "inner.sise: 2\n"])
def test_values_of_another_type_and_dotted_keys_are_checked(written, read, text):
    with pytest.raises(InputError, match="inner"):
        read(written(text))


def test_a_renamed_key_says_its_new_name(written):
    path = written("train: data\nexp: exp\nmodel:\n  clones: 8\n")
    said = f"{path}: 'model.clones' is now 'model.num_masks'; rename it there"
    with pytest.raises(InputError, match=re.escape(said)):
        load(PretrainConfig, path)


@READERS
def test_what_is_no_text_is_said(tmp_path, read):
    path = tmp_path / "c.yaml"
    path.write_bytes(b"name: \xff\n")
    with pytest.raises(InputError, match=re.escape(f"{path}: not UTF-8 text")):
        read(path)


@READERS
def test_a_missing_file_is_said(tmp_path, read):
    with pytest.raises(InputError, match=re.escape(f"{tmp_path / 'none.yaml'}: no such file")):
        read(tmp_path / "none.yaml")


class Owned:
    """Built by YAML, it would leave a trace."""

    built = False

    def __init__(self):
        Owned.built = True


NAME = f"{__name__}.Owned"


def test_yaml_builds_no_objects(written, monkeypatch):
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__, inspect.getmodule(Owned)))
    attack = f"name: !!python/object/new:{NAME} []\nother: !!python/object/apply:{NAME} []\n"
    path = written(attack)
    with pytest.raises(InputError, match=r"c\.yaml: could not determine a constructor"):
        read_yaml(path)
    assert not Owned.built
    yaml.unsafe_load(attack)  # the attack is real
    assert Owned.built


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 64))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 2001-99-99", "month must be in 1..12"),
        ("a: !!int one", "invalid literal for int"),
        ("a: !!bool maybe", "maybe"),
        ("a: " + "[" * 3000, "nested too deeply"),
        (BOMB, "its references make more than 100,000 values of it"),
        ("a: &a [*a]", "its references make more than 100,000 values of it"),
    ],
)
def test_what_yaml_stumbles_over_is_one_line(written, text, said):
    with pytest.raises(InputError, match=rf"c\.yaml: .*{re.escape(said)}"):
        read_yaml(written(text))
