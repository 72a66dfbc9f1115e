"""The logger plugin of Snakemake: one JSON document a line."""

import json
import logging
from types import SimpleNamespace

import pytest

plugin = pytest.importorskip("snakemake_logger_plugin_onshell", reason="Snakemake is not installed")


@pytest.fixture
def told(tmp_path):
    """A function that gives the handler records of events and returns its lines."""

    def run(*events, level=logging.INFO):
        path = tmp_path / "lines.jsonl"
        handler = plugin.LogHandler(None, plugin.LogHandlerSettings(path=str(path)))
        for event in events:
            record = logging.LogRecord("snakemake", level, "", 0, event.pop("message", None), (), None)
            record.__dict__.update(event)
            handler.handle(record)
        handler.close()
        return [json.loads(line) for line in path.read_text().splitlines()]

    return run


JOB = {
    "event": "job_info",
    "rule_name": "train",
    "wildcards": {"run": "a"},
    "threads": 2,
    "resources": {"runtime": 5, "mem_mb": "<TBD>", "tmpdir": "/tmp"},
    "input": ["x"],
    "output": ["y", "z"],
    "benchmark": "b.tsv",
    "reason": "Missing output files: y",
    "shellcmd": "onshell train a",
}


def test_a_job_is_a_line_with_numbers_where_there_are_any(told):
    (line,) = told(dict(JOB))
    assert line == {
        "event": "job",
        "rule": "train",
        "wildcards": {"run": "a"},
        "threads": 2,
        "resources": {"runtime": 5, "mem_mb": None, "tmpdir": "/tmp"},
        "input": ["x"],
        "output": ["y", "z"],
        "benchmark": "b.tsv",
        "reason": "Missing output files: y",
        "works": True,
    }
    assert told({**JOB, "shellcmd": None})[0]["works"] is False


def test_local_rules_are_told_once_in_the_order_of_the_snakefile(told):
    rules = [SimpleNamespace(name=name, norun=name == "all") for name in ("all", "train", "draw")]
    workflow = SimpleNamespace(rules=rules, _localrules={"draw"})
    event = {"event": "debug_dag", "job": SimpleNamespace(dag=SimpleNamespace(workflow=workflow))}
    (line,) = told(event, dict(event), {"event": "debug_dag", "file": "x"})
    assert line == {"event": "rules", "local": {"all": True, "train": False, "draw": True}}
    assert list(line["local"]) == ["all", "train", "draw"]


def test_counts_and_errors_are_told_and_nothing_else(told):
    lines = told({"event": "run_info", "stats": {"total": 3}}, {"event": "progress", "done": 1, "total": 2})
    assert lines == [{"event": "stats", "jobs": {"total": 3}}]
    (line,) = told({"event": "error", "exception": "Broken", "message": "it is\nbroken"}, level=logging.ERROR)
    assert line == {"event": "error", "exception": "Broken", "message": "it is\nbroken"}


def test_the_lines_go_to_standard_output_without_a_path(capsys):
    handler = plugin.LogHandler(None, None)
    assert (handler.writes_to_stream, handler.writes_to_file) == (True, False)
    record = logging.LogRecord("snakemake", logging.INFO, "", 0, None, (), None)
    record.__dict__.update({"event": "run_info", "stats": {"total": 3}})
    handler.handle(record)
    handler.close()
    assert json.loads(capsys.readouterr().out) == {"event": "stats", "jobs": {"total": 3}}
