"""Every piece of code on the pages of docs/ is run, small, in the order in which a reader meets it."""

import contextlib
import copy
import gzip
import io
import re
import shlex
import shutil
import sys
import warnings
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from helpers.clones import ROOT, Clone, shrink
from helpers.pages import DOCS, KINDS, PAGES, Block, blocks, commands
from onshell import cli
from onshell.config.overrides import merge

pytestmark = pytest.mark.docs
LHE = ROOT / "tests" / "data" / "qqg_200.lhe.gz"
BY_HAND = ("source", "$EDITOR", "tmux", "squeue", "scancel")
"""What only the reader can do, or only on a cluster."""

ELSEWHERE = ("onshell doctor", "onshell plan", "onshell train aps_30-q-diffusion --scale paper", "onshell --")
"""Tested by tests/workflow, tests/slurm and tests/test_cli_help.py, or for hours of GPUs."""

SMALL = (
    (r"--train \d+", "--train 400"),
    (r"--test \d+", "--test 200"),
    (r"--sample-size \d+", "--sample-size 200"),
    (r"-n \d+", "-n 200"),
)
"""Fewer events, but where a page says how many there must be."""


def small(page: Path, line: str) -> str:
    """Return a command line with few events."""
    for pattern, fewer in SMALL if page.name != "parquet.md" else ():
        line = re.sub(pattern, fewer, line)
    return line


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A reader in a copy of the repository with a tiny configuration, and a Les Houches file."""
    clone = Clone(tmp_path / "here")
    shrink(clone.config)
    clone.save()
    shutil.copy(LHE, clone.folder / "my.lhe.gz")
    (clone.folder / "other.lhe").write_bytes(gzip.decompress(LHE.read_bytes()))
    monkeypatch.chdir(clone.folder)
    monkeypatch.setattr(sys, "path", [*sys.path, str(clone.folder)])
    yield Reader(clone)
    for path in clone.folder.glob("*.py"):
        sys.modules.pop(path.stem, None)


class Reader:
    """Does what a page says, block by block."""

    def __init__(self, clone: Clone):
        self.clone = clone
        self.names: dict = {"__name__": "page"}

    def read(self, page: Path) -> int:
        """Return how many blocks of a page were done."""
        done = 0
        for block in blocks(page):
            try:
                done += getattr(self, block.kind)(page, block)
            except AssertionError as error:
                raise AssertionError(f"{page.relative_to(ROOT)}, line {block.line}: {error}") from error
        return done

    def bash(self, page: Path, block: Block) -> int:
        """Run the lines of a block that are ours."""
        ours = [line for line in block.lines if line.startswith("onshell ") and not line.startswith(ELSEWHERE)]
        for line in ours:
            done = CliRunner().invoke(cli.app, shlex.split(small(page, line))[1:])
            assert done.exit_code == 0, f"{line}: {done.exception!r}\n{done.output}"
        return len(ours)

    def python(self, page: Path, block: Block) -> int:
        """Run a block, or write the file that it is."""
        if block.file:
            Path(block.file).write_text(block.text)
            return 1
        code = compile(block.text, f"{page.name}:{block.line}", "exec")
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            # Other libraries' warnings are theirs.
            warnings.simplefilter("default")
            exec(code, self.names)
        return 1

    def yaml(self, _page: Path, block: Block) -> int:
        """Write the file that a block is, or add its entries to config.yaml, key by key as deep as they go."""
        if block.file:
            Path(block.file).write_text(block.text)
            return 1
        self.clone.config = merge(self.clone.config, yaml.safe_load(block.text))
        self.clone.save()
        return 1

    def text(self, _page: Path, _block: Block) -> int:
        """Leave output alone."""
        return 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(reader, page):
    if {block.kind for block in blocks(page)} <= {"bash", "text"}:
        assert not [b for b in blocks(page) if b.kind == "bash"], f"{page}: give its commands something to work on"
        return
    assert reader.read(page) > 0


def test_blocks_are_of_known_kinds_and_every_command_is_accounted_for():
    every = [(page, block) for page in PAGES for block in blocks(page)]
    assert len(every) > 40
    assert {block.kind for _, block in every} <= set(KINDS)
    programs = {line.split()[0] for _, block in every if block.kind == "bash" for line in block.lines}
    assert programs <= {"onshell", "snakemake", "make", *BY_HAND}


def test_targets_of_make_are_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {word for _, line in commands("make") for word in line.split()[1:]}
    for page in PAGES:
        named |= set(re.findall(r"`make ([a-z-]+)`", page.read_text()))
    assert named
    assert named <= targets


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(DOCS)}: {target}"


@pytest.mark.workflow
@pytest.mark.timeout(1200)
def test_the_calls_of_snakemake_are_planned(reader):
    config, planned = copy.deepcopy(reader.clone.config), 0
    for page in PAGES:
        reader.clone.config = copy.deepcopy(config)
        for block in blocks(page):
            if block.kind == "yaml" or block.file:
                getattr(reader, block.kind)(page, block)
        for line in dict.fromkeys(line for where, line in commands("snakemake") if where == page):
            if "slurm" in line or "--unlock" in line:
                continue
            assert "--dry-run" in line
            done = reader.clone.run(*shlex.split(line)[1:], "--quiet", "rules")
            assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
            planned += 1
    assert planned >= 8
