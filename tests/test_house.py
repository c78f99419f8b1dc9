"""The package as a whole: its layers, its file names, its version and what it declares."""

import ast
import graphlib
import re
import sys
from collections import Counter

import pytest

import asda

if sys.version_info >= (3, 11):
    import tomllib
else:  # pytest requires it there
    import tomli as tomllib

# From the top. A room imports from the layers below its own and not from its neighbours. All may
# read the version in asda/__init__.py, whose functions in turn import what they need when called.
LAYERS = [
    {"__main__"},
    {"cli"},
    {"commands"},
    {"probing", "report", "tasks"},
    {"figures"},
    {"apply", "export", "hear", "scoring", "training"},
    {"benchmarks"},
    {"inference"},
    {"checkpoint"},
    {"dataset", "decoding"},
    {"distributed", "dump", "model"},
    {"features", "kernels", "peers", "text"},
    {"corpus"},
    {"audio"},
    {"command_line"},
    {"registry"},
    {
        "canvas",
        "extras",
        "file_locks",
        "provenance",
        "script",
        "staging",
        "stop_signals",
        "terminal_bar",
    },
    {"configuration", "digests", "memory_shortage", "unread_settings"},
    {"files"},
    {"abandoned"},
    {"system_locks"},
]
HEIGHT = {room: -index for index, layer in enumerate(LAYERS) for room in layer}

MODULES = {"pyyaml": "yaml", "scikit-learn": "sklearn", "docstring-parser": "docstring_parser"}
MODULES |= {"umap-learn": "umap", "kenlm-ex": "kenlm"}
NOT_IMPORTED = {"docstring-parser", "tensorboard", "onnxscript"}  # others import them


def sources(repository):
    return sorted((repository / "asda").rglob("*.py"))


def imports(path):
    """Return (line, name) of all imports of a file, also of those inside functions."""
    return _imports_in(ast.parse(path.read_text()))


def imports_when_run(path):
    """Return the same without what is imported for type checkers only."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    return _imports_in(tree)


def _imports_in(tree):
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{ast.unparse(node)}: imports are absolute here"
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def room_of(repository, path):
    return path.relative_to(repository / "asda").with_suffix("").parts[0]


def test_imports_run_one_way(repository):
    faults = []
    for path in sources(repository):
        room = room_of(repository, path)
        if room == "__init__":
            continue
        for line, module in imports(path):
            other = module.split(".")[1] if module.startswith("asda.") else room
            if other not in (room, "__version__") and HEIGHT[other] >= HEIGHT[room]:
                faults.append(f"{path.relative_to(repository)}:{line}: {room} imports {module}")
    assert not faults, "\n".join(faults)


def test_modules_of_a_room_do_not_import_each_other_in_a_circle(repository):
    """Imports inside functions would hide it."""
    paths = [path for path in sources(repository) if path.name != "__init__.py"]
    names = {path: ".".join(path.relative_to(repository).with_suffix("").parts) for path in paths}
    graph = {name: set() for name in names.values()}
    for path, name in names.items():
        for _, imported in imports_when_run(path):
            graph[name] |= {imported, imported.rpartition(".")[0]} & graph.keys()
    graphlib.TopologicalSorter(graph).prepare()  # raises an error that names the circle


def test_each_room_has_a_layer(repository):
    rooms = {room_of(repository, path) for path in sources(repository)} - {"__init__"}
    assert rooms <= set(HEIGHT)


def test_importing_the_package_imports_no_module_of_it(repository):
    """So that `asda --help` is quick, and so that imports run one way."""
    tree = ast.parse((repository / "asda/__init__.py").read_text())
    found = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert not [module for module in found if module.startswith("asda")]


def test_no_two_files_have_one_name(repository):
    names = Counter(path.name for path in sources(repository) if path.name != "__init__.py")
    assert not [name for name, count in names.items() if count > 1]


# What reads or runs more than data: the call, and the keyword that makes it safe, if any does.
DANGEROUS = {
    "os.popen": None,
    "os.system": None,
    "pickle.load": None,
    "pickle.loads": None,
    "np.load": ("allow_pickle", False),
    "shutil.unpack_archive": None,
    "yaml.full_load": None,
    "yaml.load": None,
    "yaml.unsafe_load": None,
}
# Their pickle modules build no objects.
RESTRICTED = {
    "asda/checkpoint/foreign/unpickle.py": ("pickle_module", "restricted"),
    "asda/checkpoint/tensor_files.py": ("pickle_module", "_weights_only_unpickler"),
}


def _is_safe(call, name, file):
    keywords = {
        word.arg: getattr(word.value, "value", getattr(word.value, "id", None))
        for word in call.keywords
    }
    if keywords.get("shell"):
        return False
    if name == "torch.load":
        word, value = RESTRICTED.get(file, ("weights_only", True))
        return keywords.get("weights_only") is True or keywords.get(word) == value
    if name.rpartition(".")[2] in ("extractall", "eval", "exec") and "." in name:
        return name.rpartition(".")[2] == "eval"  # of networks
    if name in DANGEROUS:
        word = DANGEROUS[name]
        return word is not None and keywords.get(word[0], "absent") == word[1]
    return name not in ("eval", "exec")


def test_nothing_unpickles_builds_objects_or_asks_a_shell(repository):
    folders = ("asda", "egs", "utils", "tools")
    paths = [path for folder in folders for path in (repository / folder).glob("**/*.py")]
    faults = []
    for path in paths:
        if {"venv", "downloads", "exp"}.intersection(path.relative_to(repository).parts):
            continue
        file = str(path.relative_to(repository))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and not _is_safe(node, ast.unparse(node.func), file):
                faults.append(f"{file}:{node.lineno}: {ast.unparse(node)[:60]}")
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="module")
def project(repository):
    return tomllib.loads((repository / "pyproject.toml").read_text())["project"]


def modules_of(requirements):
    names = {re.match(r"[\w-]+", line)[0].lower() for line in requirements} - NOT_IMPORTED
    return {MODULES.get(name, name) for name in names}


def test_imported_packages_are_declared_and_no_others(repository, project):
    """Those of extras are imported where they are needed, not with the module."""
    imported = {module.split(".")[0] for path in sources(repository) for _, module in imports(path)}
    # typing_extensions comes with mypy, and is imported for type checkers only. triton comes with
    # PyTorch's builds for GPUs, which need one version of it, and is imported for GPUs only.
    imported -= {*sys.stdlib_module_names, "asda", "typing_extensions", "triton"}
    extras = {
        line
        for extra, requirements in project["optional-dependencies"].items()
        for line in requirements
        if extra != "dev"
    }
    assert imported == modules_of(project["dependencies"]) | modules_of(extras)
    for path in sources(repository):
        at_once = ast.parse(path.read_text()).body
        for node in at_once:
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
                assert not names & modules_of(extras), f"{path}:{node.lineno}"


def test_citation_has_the_version(repository):
    line = f"\nversion: {asda.__version__}\n"
    assert line in (repository / "CITATION.cff").read_text()
