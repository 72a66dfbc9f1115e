"""The process that owns a private cluster: it starts the daemons, waits for its parent to end, and leaves nothing.

`python supervisor.py FOLDER` brings the cluster described in FOLDER up, says "ready" on standard output, and takes all
down when its standard input closes (which a parent's death brings about, however it dies) or on SIGTERM. With
`--stay` it goes on until SIGTERM.
"""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

# A script's folder is on the path, its parent is not.
sys.path.insert(0, str(Path(__file__).parents[1]))

from slurm.processes import adopt_orphans, carrying, die_with_parent, kill, outside, until

PATIENCE = 30.0
"""Seconds that a cluster may take to come up; it takes one or two."""

MARK = "ONSHELL_CLUSTER"
"""Daemons, and what tests start beside them, carry the cluster's name in this variable; jobs in Slurm's own."""

NODE = "ONSHELL_NODE"
"""A node's daemon and its job steps carry the node's name in this variable."""


class Daemons:
    """The daemons of one cluster, children of this process."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.plan = json.loads((folder / "cluster.json").read_text())
        self.environment = {**outside(), "SLURM_CONF": str(folder / "slurm.conf"), MARK: self.plan["name"]}
        self.running: list[subprocess.Popen] = []

    def start(self, *command: str, **variables: str) -> None:
        """Start one daemon in the foreground; it dies with this process."""
        with (self.folder / "daemons.log").open("a") as log:
            self.running.append(
                subprocess.Popen(
                    [shutil.which(command[0], path=self.plan["path"]), *command[1:]],
                    env={**self.environment, **variables},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    preexec_fn=die_with_parent,
                )
            )

    def up(self) -> str:
        """Return "" once every node is idle, or what is wrong."""
        munge, conf = self.folder / "munge", str(self.folder / "slurm.conf")
        files = [f"--{name}-file={munge / name}" for name in ("key", "pid", "log", "seed")]
        self.start("munged", "--foreground", f"--socket={munge / 'socket'}", "--num-threads=2", *files)
        for _ in until(PATIENCE, 0.02):
            if (munge / "socket").exists():
                break
        self.start("slurmctld", "-D", "-f", conf)
        for node in self.plan["nodes"]:
            self.start("slurmd", "-D", "-N", node, "-f", conf, **{NODE: node})
        for _ in until(PATIENCE):
            ended = [daemon.args[0] for daemon in self.running if daemon.poll() is not None]
            if ended:
                return f"{ended[0]} ended at once"
            if self.idle() == set(self.plan["nodes"]):
                return ""
        return f"after {PATIENCE:.0f} s the nodes are not idle"

    def idle(self) -> set[str]:
        """Return the names of the nodes that wait for jobs."""
        asked = [str(self.folder / "bin" / "sinfo"), "--Node", "--noheader", "--states=idle", "--format=%N"]
        done = subprocess.run(asked, env=self.environment, capture_output=True, text=True, check=False)
        return set(done.stdout.split())


def remains(name: str) -> list[int]:
    """Return the processes of the cluster called `name`: daemons, jobs, what tests started beside them."""
    return sorted({*carrying(**{MARK: name}), *carrying(SLURM_CLUSTER_NAME=name)})


def sweep(name: str, folder: Path) -> None:
    """Kill every process of the cluster until none is left, and remove its folder."""
    for _ in until(20.0, 0.05):
        if not kill(remains(name)):
            break
    shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Bring the cluster up, wait, take it down."""
    folder, stay = Path(sys.argv[1]), "--stay" in sys.argv
    daemons = Daemons(folder)

    def stop(*_: object) -> None:
        sys.exit(0)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, stop)
    try:
        fault = daemons.up()
        adopt_orphans()
        print(fault or "ready", flush=True)
        if not fault and stay:
            while True:
                time.sleep(3600)
        # A fault leaves the logs to the parent, who asks for the end when it has read them.
        sys.stdin.read()
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        sweep(daemons.plan["name"], folder)


if __name__ == "__main__":
    main()
