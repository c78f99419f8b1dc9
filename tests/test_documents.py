"""Links and anchors of all documents and docstrings lead somewhere; Python examples run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from checkpoint.reference_files import finetuned
from inference.recognisers import spoken, write_recogniser

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"[\w/]+\.md#[\w-]+|\bdocs/[\w/]+\.md\b|\balgorithm\.md (?=\d)")


def tracked(*patterns):
    """Return the files of the repository, without links to files, that match patterns of git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [ROOT / line for line in done.stdout.splitlines()]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


DOCUMENTS = tracked("*.md")


def prose(path):
    """Return a document without its code."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", path.read_text()))


def anchors(path):
    """Return the anchors of a document as GitHub makes them of headings."""
    found, text = set(), FENCE.sub("", path.read_text())
    for heading in re.findall(r"^#+ +(.*?) *#*$", text, re.MULTILINE):
        heading = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)  # a link has its text's anchor
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = next(n for n in range(99) if (f"{anchor}-{n}" if n else anchor) not in found)
        found.add(f"{anchor}-{number}" if number else anchor)
    return found | set(re.findall(r'<a (?:id|name)="([^"]+)">', text))


def fault(start, target):
    """Return what is wrong with a relative link, or None."""
    name, _, anchor = target.partition("#")
    path = (start.parent / name).resolve() if name else start
    if not path.exists():
        return f"no file {name}"
    if anchor and anchor not in anchors(path):
        return f"{name or start.name} has no heading '{anchor}'"
    return None


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_documents(path):
    targets = re.findall(r"!?\[[^]]*\]\(<?([^)\s>]+)>?[^)]*\)", prose(path))
    targets += re.findall(r"""(?:src|href|srcset)="([^"]+)\"""", prose(path))
    relative = [target for target in targets if not re.match(r"[a-z]+:", target)]
    faults = [f"{target}: {found}" for target in relative if (found := fault(path, target))]
    assert not faults, "\n".join(faults)


def test_documents_that_code_names():
    """Code names a document by its path in the repository, as docs/algorithm.md#masking."""
    faults = []
    for path in tracked("*.py", "*.sh", "*.pl", "*.yaml", "*.yml", "*.toml", "*Makefile"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for target in NAMED.findall(line):
                if found := fault(ROOT / "README.md", target):
                    faults.append(f"{path.relative_to(ROOT)}:{number}: {target}: {found}")
    assert not faults, "\n".join(faults)


def program(path):
    """Return the Python examples of a document as one program, whose lines stand where they do."""
    text, lines, line = path.read_text(), [], 0
    for block in FENCE.finditer(text):
        if block[1] == "python":
            start = text.count("\n", 0, block.start(2))
            lines += [""] * (start - line) + block[2].splitlines()
            line = len(lines)
    return "\n".join(lines)


@pytest.fixture(scope="module")
def example_folder(tmp_path_factory):
    """What examples read: a classifier and a recogniser, a sound and speech, an n-gram."""
    import torch

    from asda.cli import main

    folder = tmp_path_factory.mktemp("examples")
    torch.save(finetuned(), folder / "finetuned.pt")
    main(["import-checkpoint", str(folder / "finetuned.pt"), str(folder / "model.pt")])
    rng = np.random.default_rng(0)
    soundfile.write(folder / "dog.wav", 0.1 * rng.standard_normal(32000), 16000)
    write_recogniser(folder / "recogniser.pt")
    soundfile.write(folder / "talk.wav", spoken(["low", "high", "mid"])[0], 16000)
    (folder / "text").write_text("low mid high\nmid low\nhigh high low\n" * 5)
    options = {"text": folder / "text", "units": folder / "units", "out": folder / "words.arpa"}
    main(["ngram", *(f"--{name}={path}" for name, path in options.items())])
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [path for path in DOCUMENTS if program(path)],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_python_examples_run(path, example_folder, tmp_path):
    """In a process of their own, where what they register is not seen by other tests."""
    script = tmp_path / "example.py"
    script.write_text(program(path))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, script],
        cwd=example_folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
