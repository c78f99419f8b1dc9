"""Source files that stand alone."""

import ast
import sys

import pytest

from asda.export import bundled_source as module_under_test
from asda.export.bundled_source import bundled_source
from asda.export.hugging_face_folder import REPLACED

FILES = ("configuration_asda", "modeling_asda", "feature_extraction_asda")


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Return a function that writes modules of a package `toy`, and bundles its `root`."""
    folder = tmp_path / "toy"
    (folder / "code").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(module_under_test, "PACKAGE", "toy.")
    for name in [name for name in sys.modules if name.partition(".")[0] == "toy"]:
        monkeypatch.delitem(sys.modules, name)

    def bundle(root, replaced=(), **modules):
        (folder / "code/root.py").write_text(root)
        for name, text in modules.items():
            (folder / f"{name}.py").write_text(text)
        return bundled_source("toy.code.root", replaced)

    return bundle


def run(source):
    names = {"__name__": "bundle"}
    exec(compile(source, "bundle", "exec"), names)
    return names


def test_what_is_needed_is_taken_along_and_nothing_else(toy):
    source = toy(
        '"""Root."""\nfrom toy.low import twice\n\ndef four():\n    return twice(2)\n',
        low="import json\nimport math\n\nSTEP = 2  # why\n\ndef twice(x):\n"
        "    return math.prod([STEP, x])\n\ndef unused():\n    return json\n",
    )
    assert run(source)["four"]() == 4
    assert "# why" in source
    assert "unused" not in source
    assert "json" not in source
    assert source.startswith('"""Root."""\n')


def test_two_definitions_of_one_name_are_refused(toy):
    low = "def f():\n    return helper()\n\ndef helper():\n    return 1\n"
    root = "from toy.low import f\n\ndef helper():\n    return f()\n"
    with pytest.raises(ValueError, match=r"toy.low and toy.code.root both define helper"):
        toy(root, low=low)


def test_a_module_can_replace_what_it_takes_along(toy):
    low = "class Config:\n    size = 1\n\ndef f():\n    return Config.size\n"
    root = "from toy.low import f\n\nclass Config:\n    size = 5\n\ndef g():\n    return f()\n"
    assert run(toy(root, ["Config"], low=low))["g"]() == 5


def test_files_of_the_same_package_are_imported_from_beside(toy):
    source = toy("from toy.code.other import a\n\ndef f():\n    return a\n")
    assert "from .other import a" in source


@pytest.mark.parametrize("name", FILES)
def test_exported_code_imports_nothing_of_asda(name):
    source = bundled_source(f"asda.export.hugging_face.{name}", REPLACED)
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {entry.name.partition(".")[0] for entry in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.partition(".")[0] if not node.level else ".")
    assert imported <= {*sys.stdlib_module_names, ".", "numpy", "torch", "transformers"}
