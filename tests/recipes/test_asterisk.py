"""egs/asterisk/local: dirty lists of texts, splits by prompt, both layouts of the corpus."""

import gzip
import json
import shutil
import subprocess

import pytest
from recipes.copies import copy_recipe, run, succeed
from recipes.servers import pack, serve
from recipes.sounds import write_clip

from asda.corpus.datadir import DataDir

LANGUAGES = {"en": "allison", "es": "allison", "fr": "june", "it": "carlo", "ru": "ivrvoice"}
CODES = {"en": "en_US_f_A", "es": "es_MX_f_A", "fr": "fr_CA_f_J", "it": "it_IT_m_C"}
CODES["ru"] = "ru_RU_f_I"
SETS = ("train", "valid", "test")
NAMES = [f"p{number:03d}" for number in range(90)] + [f"digits/{number}" for number in range(10)]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """One second of sound, which stands for all prompts."""
    return write_clip(tmp_path_factory.mktemp("sound") / "a.wav", 1, 1, seconds=1, rate=8000)


def write_language(folder, name, lines, recordings, sound):
    """Write a language as upstream's archive has it."""
    for recording in recordings:
        path = folder / name / f"{recording}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(sound)
    (folder / name / f"core-sounds-{name}.txt").write_text("".join(f"{line}\n" for line in lines))


def as_debian(upstream, folder):
    """Copy a corpus into the layout of Debian's packages."""
    share = folder / "usr/share"
    for name, code in CODES.items():
        shutil.copytree(upstream / name, share / "asterisk/sounds" / code)
        table = share / "asterisk/sounds" / code / f"core-sounds-{name}.txt"
        documents = share / f"doc/asterisk-core-sounds-{name}"
        documents.mkdir(parents=True)
        (documents / f"{table.name}.gz").write_bytes(gzip.compress(table.read_bytes()))
        table.unlink()
    return folder


def text_of(language, name):
    """Three prompts say the same in English, and two in Russian, one of which is among these."""
    if (language, name) in {("en", "p001"), ("en", "p033"), ("en", "digits/4")}:
        return "The same text." if name == "p001" else "the SAME text"
    if (language, name) in {("ru", "p033"), ("ru", "p050")}:
        return "тот же текст"
    return f"{language} says {name.replace('/', ' ')}"


def write_corpus(folder, names, sound):
    for language in LANGUAGES:
        lines = [f"{name}: {text_of(language, name)}" for name in names]
        write_language(folder, language, lines, names, sound)
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, sound):
    return write_corpus(tmp_path_factory.mktemp("upstream"), NAMES, sound)


@pytest.fixture(scope="module")
def small(tmp_path_factory, sound):
    return write_corpus(tmp_path_factory.mktemp("small"), ["p001", "digits/4"], sound)


@pytest.fixture(scope="module")
def recipe(repository, tmp_path_factory):
    return copy_recipe(repository, "asterisk", tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="module")
def data(recipe, corpus):
    succeed("local/data.sh", corpus, "data", cwd=recipe)
    return recipe / "data"


def prompts_of(folder):
    """Return (language, prompt) of a data directory."""
    utterances = DataDir(folder).utterances
    return {(name[:2], name.split("-", 2)[2].replace(".", "/")) for name in utterances}


def test_a_prompt_is_in_one_set_in_all_languages(data):
    names = {name: {prompt for _, prompt in prompts_of(data / name)} for name in SETS}
    assert sorted(prompt for own in names.values() for prompt in own) == sorted(NAMES)
    for name in SETS:
        assert len(prompts_of(data / name)) == 5 * len(names[name])
    assert 70 <= len(names["train"]) <= 90
    assert min(len(names["valid"]), len(names["test"])) >= 4


def test_prompts_with_a_common_text_are_together(data):
    sets = {prompt: name for name in SETS for _, prompt in prompts_of(data / name)}
    assert len({sets[prompt] for prompt in ("p001", "p033", "digits/4", "p050")}) == 1


def test_no_text_of_the_test_set_is_in_training(data):
    words = {
        name: {text.lower().rstrip(".") for text in DataDir(data / name).table("text").values()}
        for name in SETS
    }
    assert words["test"] and not words["test"] & (words["train"] | words["valid"])


def test_subsets_of_the_training_set_are_nested_and_have_their_share_of_each_language(data):
    train, some, few = (prompts_of(data / name) for name in ("train", "train_30", "train_10"))
    assert few < some < train
    for language in LANGUAGES:
        whole, *parts = ([p for p in own if p[0] == language] for own in (train, some, few))
        assert [len(part) for part in parts] == [round(0.3 * len(whole)), round(0.1 * len(whole))]


def test_the_tests_of_languages_make_up_the_test_set(data):
    parts = [prompts_of(data / f"test_{language}") for language in LANGUAGES]
    assert set().union(*parts) == prompts_of(data / "test")
    assert sum(map(len, parts)) == len(prompts_of(data / "test"))


def test_tables(data):
    directory = DataDir(data / "all")
    assert directory.labels == list(LANGUAGES)
    assert directory.utt2label["fr-june-digits.3"] == ["fr"]
    assert directory.table("utt2lang")["ru-ivrvoice-p007"] == "ru"
    assert directory.table("utt2spk")["it-carlo-p007"] == "it-carlo"
    assert directory.table("text")["es-allison-digits.3"] == "es says digits tres"
    assert directory.table("utt2dur")["es-allison-digits.3"] == "1.0"


def test_debian_s_packages_give_the_same_sets(recipe, corpus, data, tmp_path):
    succeed("local/data.sh", as_debian(corpus, tmp_path), tmp_path / "data", cwd=recipe)
    for folder in sorted(data.iterdir()):
        if folder.is_dir():
            for name in ("text", "utt2spk", "utt2dur", "utt2label"):
                assert (folder / name).read_bytes() == (
                    tmp_path / "data" / folder.name / name
                ).read_bytes()
    source = DataDir(tmp_path / "data/all").table("wav.scp")["en-allison-digits.3"]
    assert source == f"{tmp_path}/usr/share/asterisk/sounds/en_US_f_A/digits/3.wav"


LINES = [
    "\ufeff; Core sounds, from a file that begins with a byte order mark",
    "",
    ";another comment: with a colon",
    "options: Press 1:  3D, or “8500”.\t",
    "digits/star:star",
    "letters/at: at [@]",
    "beep: [a tone]",
    "silence/1: (1 second of silence)",
    "gone: Nobody has recorded this.",
    "empty:",
    "iax2: IAX (does not say two)",
    "glued: First text. options: Press 1",
    f"fast: {'word ' * 6}",
    "twice: once",
    "twice: again",
]
RECORDINGS = ["options", "digits/star", "letters/at", "beep", "silence/1", "empty", "iax2", "glued"]
RECORDINGS += ["fast", "twice", "orphan"]


@pytest.fixture(scope="module")
def dirty(recipe, sound, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dirty")
    more = [f"{name}: {text_of('en', name)}" for name in NAMES]
    write_language(folder, "en", [*LINES, *more], [*RECORDINGS, *NAMES], sound)
    for language in ("es", "fr", "it", "ru"):
        lines = [f"{name}: {text_of(language, name)}" for name in NAMES]
        lines += ["beep: la descrizione di un suono", "digits/one: due"]
        recordings = [*NAMES, "beep", "silence/1", "digits/one"]
        write_language(folder, language, lines, recordings, sound)
    # What a file manager leaves, and audio that is damaged.
    (folder / "ru/._p001.wav").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    (folder / "ru/p001.wav").unlink()
    (folder / "ru/p001.wav").write_bytes(b"RIFF")
    said = succeed("local/data.py", folder, folder / "data", cwd=recipe)
    return folder / "data", said


def test_dirty_texts_are_kept_but_single_digits_become_words(dirty):
    texts = DataDir(dirty[0] / "all").table("text")
    assert texts["en-allison-options"] == "Press one: 3D, or “8500”."
    assert texts["en-allison-digits.star"] == "star"
    assert texts["en-allison-letters.at"] == "at"
    # The three above, digits/one in four languages, and a damaged recording less.
    assert len(texts) == 5 * len(NAMES) + 3 + 4 - 1


def test_what_is_left_out_is_listed_with_its_reason(dirty):
    data, said = dirty
    head, *rows = (line.split("\t") for line in (data / "left_out.tsv").read_text().splitlines())
    assert head == ["language", "prompt", "reason", "text"]
    reasons = {(language, prompt): reason for language, prompt, reason, _ in rows}
    damaged = reasons.pop(("ru", "p001"))
    assert damaged.startswith("unusable audio: ")
    silent = "no speech: its text is a stage direction"
    assert reasons == {
        ("en", "beep"): silent,
        ("en", "silence/1"): silent,
        **{(name, prompt): silent for name in CODES for prompt in ("beep", "silence/1")},
        ("en", "gone"): "no recording",
        ("en", "orphan"): "no text",
        ("en", "empty"): "empty text",
        ("en", "twice"): "two texts in the list",
        ("en", "iax2"): "words in brackets, which may not be spoken",
        ("en", "glued"): "the name of a prompt in the text: lines have run together",
        ("en", "fast"): "more than 20 letters per second: another text is spoken",
        ("en", "letters/at"): "kept without the symbol in brackets",
    }
    assert ["en", "twice", "two texts in the list", "once | again"] in rows
    assert f"10 prompts: {silent}\n" in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"activated: Activated.\nno colon here\n", ":2: not of the form 'prompt: text'"),
        ("activated: activ\u00e9\n".encode("latin-1"), ": not UTF-8 text"),
    ],
)
def test_a_wrong_list_is_refused(recipe, small, tmp_path, content, message):
    shutil.copytree(small, tmp_path / "corpus")
    (tmp_path / "corpus/fr/core-sounds-fr.txt").write_bytes(content)
    done = run("local/data.py", tmp_path / "corpus", tmp_path / "data", cwd=recipe)
    assert done.returncode == 1
    assert f"corpus/fr/core-sounds-fr.txt{message}" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_missing_language_is_refused(recipe, small, tmp_path):
    shutil.copytree(small, tmp_path / "corpus")
    shutil.rmtree(tmp_path / "corpus/it")
    done = run("local/data.py", tmp_path / "corpus", tmp_path / "data", cwd=recipe)
    assert done.returncode == 1
    assert "neither it/core-sounds-it.txt" in done.stderr
    assert done.stderr.count("\n") == 1


def test_stage_0_fetches_upstream_s_archives(repository, small, tmp_path):
    recipe = copy_recipe(repository, "asterisk", tmp_path)
    for language in LANGUAGES:
        pack(small / language, tmp_path / f"asterisk-core-sounds-{language}-wav-1.6.1.tar.gz")
    with serve(tmp_path) as server:
        for _ in range(2):
            succeed("local/download.sh", "--url", server.url, "downloads", cwd=recipe)
        assert len(server.requested) == len(LANGUAGES)
    same = run("diff", "-r", small, recipe / "downloads", cwd=recipe)
    assert same.returncode == 0, same.stdout


APT_GET = """\
#!/bin/sh
# Stands for a mirror: puts packages made of $PACKAGES into the current folder.
[ "$1" = download ] && shift
[ -n "$PACKAGES" ] || exit 100
for package; do
  mkdir -p "$package/DEBIAN"
  printf 'Package: %s\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@b>\\nDescription: a\\n' \\
    "$package" >"$package/DEBIAN/control"
  language=${package#asterisk-core-sounds-}
  language=${language%-wav}
  case $package in
    *-wav) part=asterisk/sounds/${language}_ ;;
    *) part=doc/asterisk-core-sounds-$language ;;
  esac
  for folder in "$PACKAGES"/usr/share/$part*; do
    mkdir -p "$package/usr/share/${part%/*}"
    cp -R "$folder" "$package/usr/share/${part%/*}"
  done
  dpkg-deb --build "$package" "$package.deb" >/dev/null
  rm -r "$package"
done
"""


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="needs dpkg-deb")
def test_stage_0_unpacks_debian_s_packages(repository, small, tmp_path, monkeypatch):
    recipe = copy_recipe(repository, "asterisk", tmp_path)
    packages = as_debian(small, tmp_path / "packages")
    (tmp_path / "apt-get").write_text(APT_GET)
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    command = ["./run.sh", "--stop-stage", "0", "--local-download-opts", "--debian true"]
    failed = run(*command, cwd=recipe)
    assert failed.returncode == 1
    assert "run apt-get update as root" in failed.stderr
    monkeypatch.setenv("PACKAGES", str(packages))
    succeed(*command, cwd=recipe)
    same = subprocess.run(["diff", "-r", packages, recipe / "downloads"], capture_output=True)
    assert same.returncode == 0, same.stdout
    assert "exists already" in succeed(*command, cwd=recipe)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "experiment", "kind"),
    [("recognition", "ctc_a", "recognition"), ("classification", "finetune_a", "classification")],
)
def test_from_the_corpus_to_a_score(recipe, corpus, task, experiment, kind, tmp_path):
    """Both tasks, with the same features."""
    train = "--training.threads 1 --model.depth 1 --data.batch_size 8 --training.updates 4"
    train += " --training.evaluate_every 4"
    command = [recipe / "run.sh", "--db-dir", corpus, "--task", task, "--nj", 1, "--ngpu", 0]
    command += ["--pretrained", "none", "--finetune-tag", "a", "--finetune-args", train]
    command += ["--datadir", tmp_path / "data", "--expdir", tmp_path / "exp"]
    succeed(*command, cwd=recipe)
    assert (recipe / "dump/fbank/feats.scp").exists()
    result = json.loads((tmp_path / "exp" / experiment / "score/result.json").read_text())
    assert result["clips"]["found"] == len(DataDir(tmp_path / "data/test").utterances)
    assert result["kind"] == kind
    if task == "recognition":
        assert {row["language"] for row in result["per_language"]} == {*LANGUAGES}
    else:
        assert result["classes"] == 5
