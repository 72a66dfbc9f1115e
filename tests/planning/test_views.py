"""A plan as a table, a page and a document."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from helpers.plans import job
from helpers.results import ROOT
from onshell import cli
from onshell.core.errors import OnshellError
from onshell.core.files import json_text
from onshell.planning.costs import Cost, assumed
from onshell.planning.plan import Plan, changes, make_plan
from onshell.planning.table import show
from onshell.report.plan import page, write_page

LONG = "train:qqg_1e-3-q-diffusion-long-identity"


@pytest.fixture
def plan():
    """Built truth, a training of an hour that was measured, a figure of ten minutes, and a rule that collects."""
    jobs = [
        job("generate:muon", built=True),
        job(LONG, depends_on=("generate:muon",), gpu=4, mem_mb=24_000),
        job("fig10", local=True, depends_on=(LONG,)),
        job("all", works=False, local=True, depends_on=("fig10",)),
    ]
    costs = {each.name: assumed(each) for each in jobs}
    costs[LONG] = Cost(3600, 14_400, 7200, 24_000, 1_500_000, "measured", "results/desk/<a>.tsv")
    return Plan(jobs, costs, ["fig10"], "paper", "paper", "results", "profiles/slurm", "slurm", True, ["a note"])


def test_the_longest_chain_of_jobs_to_run_is_the_critical_path(plan):
    assert [each.name for each in plan.critical_path] == [LONG, "fig10"]
    assert plan.least_s == 3600 + 600


def test_the_table_has_a_line_a_rule_and_the_totals_in_100_columns(plan, capsys):
    show(plan)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    rows = {tuple(words[:2]): words[2:] for line in lines if len(words := line.split()) > 9 and words[0] != "rule"}
    assert rows["generate", "slurm"] == ["0", "1/1", "-", "-", "-", "-", "-", "-", "-"]
    assert rows["train", "slurm"] == ["1", "0/1", "1.00", "4.00", "2.00", "1,500", "24.0", "1", "-"]
    assert rows["total", "here"] == ["2", "0/2", "0.17", "-", "0.17", "1.00", "3.00", "-", "1"]
    assert rows["total", "slurm"] == ["1", "1/2", "1.00", "4.00", "2.00", "1,500", "24.0", "1", "-"]
    assert rows["total", "3"] == ["1/4", "1.17", "4.00", "2.17", "1,501", "24.0", "1", "1"]
    text = "\n".join(lines)
    assert "fig10 at scale paper, preset paper, profile profiles/slurm: 3 of 4 jobs to run, 1 built" in text
    assert re.search(r"critical path: 70.0 min.*\n +60.0 min  train qqg_1e-3.*\n +10.0 min  fig10", text)


def test_nothing_to_run_is_said(plan, capsys):
    plan.jobs = [job("generate:muon", built=True)]
    show(plan)
    assert "critical path: none, nothing is to be run" in capsys.readouterr().out
    assert "Nothing is to be run." in page(plan)


def test_the_document_holds_every_job_and_the_totals(plan):
    document = json.loads(json_text(plan.document()))
    assert [each["name"] for each in document["jobs"]] == ["generate:muon", LONG, "fig10", "all"]
    keys = "rule wildcards wall_s gpu_s cpu_s mem_mb disk_mb source built local depends_on measured_from"
    assert all(set(keys.split()) <= set(each) for each in document["jobs"])
    assert document["jobs"][1]["wildcards"] == {"run": "qqg_1e-3-q-diffusion-long-identity"}
    assert document["totals"]["all"]["wall_s"] == 4200
    assert document["totals"]["local"]["to_run"] + document["totals"]["cluster"]["to_run"] == 3
    assert document["critical_path"] == {"wall_s": 4200, "jobs": [LONG, "fig10"]}


class Reader(HTMLParser):
    """What a browser would meet: tags that are closed, rows of tables, bars, and anything fetched from elsewhere."""

    def __init__(self):
        super().__init__()
        self.open, self.rows, self.bars, self.fetched = [], [], [], []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.fetched += [found[key] for key in ("src", "href") if key in found]
        if tag == "tr":
            self.rows.append([])
        if "bar" in found.get("class", "").split():
            self.bars.append([float(x) for x in re.findall(r"[\d.]+(?=%)", found["style"])])
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1].append(data)


def test_the_page_is_whole_and_needs_nothing_else(plan, tmp_path):
    write_page(plan, tmp_path / "plan.html")
    text = (tmp_path / "plan.html").read_text()
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert not reader.fetched
    assert not re.search(r"https?:|@import|url\(|<script", text)
    assert "prefers-color-scheme: dark" in text
    assert ["train", "slurm", "1", "0/1", "1.00", "4.00", "2.00", "1,500", "24.0", "1", "-"] in reader.rows
    assert reader.bars == [pytest.approx([0, 600 / 7], abs=0.01), pytest.approx([600 / 7, 100 / 7], abs=0.01)]


def test_names_are_no_markup(plan):
    plan.notes.append("<b>&")
    assert "&lt;b&gt;&amp;" in page(plan)


def test_changes_are_what_differs_from_the_written_configuration():
    written = {"a": {"b": 1, "c": [1, 2]}, "d": "x"}
    assert changes(written, {"a": {"b": 1, "c": [1, 2]}, "d": "x"}) == {}
    assert changes(written, {"a": {"b": 2, "c": [1], "e": {}}, "d": "x"}) == {"a": {"b": 2, "c": [1], "e": {}}}


def test_a_profile_that_is_none_or_no_yaml_is_one_line(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    with pytest.raises(OnshellError, match="no such profile; name a folder with a config"):
        make_plan(Path("config.yaml"), [], profile=tmp_path)
    (tmp_path / "config.yaml").write_text("a: [")
    with pytest.raises(OnshellError, match=r"config.yaml: not valid YAML"):
        make_plan(Path("config.yaml"), [], profile=tmp_path)


def test_a_plan_is_printed_or_written_and_not_both(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["onshell", "plan", "--json", "--html", str(tmp_path / "plan.html")])
    with pytest.raises(SystemExit, match="onshell: error: --json, --html: choose one"):
        cli.main()
