"""A logger plugin of Snakemake that hands over what a dry-run plans, as one JSON document a line.

`snakemake --dry-run --logger onshell --logger-onshell-path jobs.jsonl` writes a line for every job (`event: job`), the
number of jobs by rule as Snakemake counts them (`stats`), and its errors (`error`). With `--debug-dag` there is a line
`rules` too: all rules, and which of them no cluster gets. Without a path the lines go to standard output.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from logging import ERROR, LogRecord
from typing import Any, Optional, TextIO

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """The settings of the plugin, options of Snakemake's command line."""

    # Snakemake reads the type of the option from the annotation, and knows Optional alone.
    path: Optional[str] = field(default=None, metadata={"help": "The file to write the lines to.", "required": False})  # noqa: UP045


class LogHandler(LogHandlerBase):
    """The handler that Snakemake gives every event to, in a thread of its own."""

    def __post_init__(self) -> None:
        self.path: str | None = self.settings.path if self.settings else None
        self.baseFilename = self.path
        self.lines: TextIO = open(self.path, "w", encoding="utf-8") if self.path else sys.stdout  # noqa: SIM115, PTH123
        self.knows_local = False

    def emit(self, record: LogRecord) -> None:
        """Write the line of an event that tells of a job, of the number of jobs, or of an error."""
        try:
            event = getattr(record, "event", None)
            if event == LogEvent.JOB_INFO:
                self._write("job", **job(record))
            elif event == LogEvent.RUN_INFO:
                self._write("stats", jobs=dict(record.stats))
            elif event == LogEvent.DEBUG_DAG and not self.knows_local and hasattr(record, "job"):
                self.knows_local = True
                self._write("rules", local=local_rules(record.job))
            elif record.levelno >= ERROR:
                self._write("error", exception=getattr(record, "exception", None), message=record.getMessage())
        except Exception:
            self.handleError(record)

    def _write(self, event: str, **content: Any) -> None:
        self.lines.write(json.dumps({"event": event, **content}, default=str) + "\n")

    def close(self) -> None:
        """Write what is not yet written, and leave."""
        self.lines.flush()
        if self.path:
            self.lines.close()
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        """Return whether Snakemake's own output has to make room."""
        return self.path is None

    @property
    def writes_to_file(self) -> bool:
        """Return whether the lines go to a file."""
        return self.path is not None

    @property
    def has_filter(self) -> bool:
        """Return True: all events are wanted, whatever Snakemake is asked to be quiet about."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Return True: the lines are JSON."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """Return False: the files of the jobs tell the graph."""
        return False


def job(record: LogRecord) -> dict[str, Any]:
    """Return what an event says of a job, in types that JSON has."""
    resources: Mapping[str, Any] = record.resources
    return {
        "rule": record.rule_name,
        "wildcards": dict(record.wildcards),
        "threads": record.threads,
        "resources": {name: plain(value) for name, value in resources.items()},
        "input": list(map(str, record.input)),
        "output": list(map(str, record.output)),
        "benchmark": record.benchmark,
        "reason": record.reason,
        "works": record.shellcmd is not None,
    }


def plain(value: Any) -> Any:
    """Return a resource as a number or text, None if Snakemake cannot tell it before the job's input is there."""
    if isinstance(value, int | float):
        return value
    return None if str(value) == "<TBD>" else str(value)


def local_rules(job: Any) -> dict[str, bool]:
    """Return for every rule, in the order of the Snakefile, whether it runs beside Snakemake itself and in no cluster.

    No event of a dry-run says so, since a dry-run counts every job as local; the workflow of any job knows.
    """
    workflow = job.dag.workflow
    return {rule.name: rule.name in workflow._localrules or rule.norun for rule in workflow.rules}
