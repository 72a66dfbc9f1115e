"""A private Slurm on the loopback interface: `python tests/slurm/cluster.py up | env | down`, or a context manager.

Everything of it lives in one folder: configuration, key, spool, logs, and the pretended GPUs. Nothing of the machine's
own Slurm or munge is read or written. No accounting, no cgroups, no systemd, no root.
"""

import contextlib
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

# A script's folder is on the path, its parent is not.
sys.path.insert(0, str(Path(__file__).parents[1]))

from slurm.processes import alive, environment, until
from slurm.settings import INSTALL, PROGRAMS, Settings, free_ports
from slurm.supervisor import MARK, sweep

CLIENTS = ("sbatch", "squeue", "scancel", "scontrol", "sinfo", "srun", "sacct")
USER = pwd.getpwuid(os.getuid()).pw_name
HOME = Path(tempfile.gettempdir()) / f"onshell-slurm-{USER}"
"""Where the cluster of the command line lives; those of tests have folders of their own."""

WRAPPER = """\
#!/bin/sh
SLURM_CONF={folder}/slurm.conf exec {program} "$@"
"""


def search_path() -> str:
    """Return PATH with the folders where Debian puts daemons, which an ordinary user's lacks."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def missing() -> str:
    """Return one line that says what to install, or "" if all is there."""
    gone = [name for name in PROGRAMS if shutil.which(name, path=search_path()) is None]
    return f"no {', '.join(gone)}: a private Slurm needs `{INSTALL}`" if gone else ""


class Cluster:
    """A private cluster in `folder`: how to reach it, and its end."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.plan = json.loads((folder / "cluster.json").read_text())

    @property
    def name(self) -> str:
        """The cluster's name, which every process of it carries in its environment."""
        return self.plan["name"]

    @property
    def nodes(self) -> list[str]:
        """The names of the nodes."""
        return self.plan["nodes"]

    def variables(self) -> dict[str, str]:
        """Return the environment variables that lead Slurm's programs to this cluster.

        The wrappers in `bin`, before all else on the path, name the configuration themselves: Snakemake takes
        SLURM_CONF out of the environment of the srun that it starts inside a job.
        """
        path = os.pathsep.join([str(self.folder / "bin"), str(Path(sys.executable).parent), search_path()])
        return {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": path}

    def supervisor(self) -> int:
        """Return the process that owns the cluster, 0 if there is none any more."""
        record = self.folder / "supervisor.pid"
        pid = int(record.read_text()) if record.exists() else 0
        return pid if alive(pid) and environment(pid).get(MARK + "_OWNER") == self.name else 0

    def down(self) -> None:
        """Take the cluster down, all its jobs and its folder with it."""
        if pid := self.supervisor():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            for _ in until(30.0):
                if not alive(pid):
                    break
        sweep(self.name, self.folder)


def prepare(folder: Path, settings: Settings) -> None:
    """Write all that a cluster needs into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    nodes, name = settings.names(), f"onshell{secrets.token_hex(4)}"
    for part in ("munge", "state", "bin", *(f"spool-{node}" for node in nodes)):
        (folder / part).mkdir(mode=0o755)
    # munged refuses a key that others can read.
    key = folder / "munge" / "key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))
    for number in range(settings.gpus):
        # Slurm asks that a GPU is a character device, and looks no further.
        (folder / f"gpu{number}").symlink_to("/dev/null")
    ports = free_ports(1 + len(nodes))
    (folder / "slurm.conf").write_text(settings.slurm_conf(folder, name, USER, ports))
    (folder / "gres.conf").write_text(settings.gres_conf(folder))
    for program in CLIENTS:
        wrapper = folder / "bin" / program
        wrapper.write_text(WRAPPER.format(folder=folder, program=shutil.which(program, path=search_path())))
        wrapper.chmod(0o755)
    plan = {"name": name, "nodes": nodes, "path": search_path()}
    (folder / "cluster.json").write_text(json.dumps(plan))


def begin(folder: Path, *, stay: bool) -> tuple[Cluster, subprocess.Popen]:
    """Return the cluster that was prepared in `folder`, up, and its supervisor, who holds it as long as `stay` says.

    Raises
    ------
    RuntimeError
        With the ends of the logs, if it does not come up.
    """
    cluster = Cluster(folder)
    command = [sys.executable, str(Path(__file__).with_name("supervisor.py")), str(folder)]
    supervisor = subprocess.Popen(
        [*command, "--stay"] if stay else command,
        env={**os.environ, MARK + "_OWNER": cluster.name},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    (folder / "supervisor.pid").write_text(str(supervisor.pid))
    said = supervisor.stdout.readline().strip()
    if said != "ready":
        logs = [*folder.glob("*.log"), folder / "munge" / "log"]
        ends = [f"{log.name}: {line}" for log in logs if log.exists() for line in log.read_text().splitlines()[-3:]]
        cluster.down()
        raise RuntimeError("\n".join([f"the private Slurm does not come up: {said}", *ends]))
    return cluster, supervisor


def sweep_abandoned() -> None:
    """Take down what is left of this user's clusters whose supervisors were killed outright."""
    for record in Path(tempfile.gettempdir()).glob("onshell-slurm-*/supervisor.pid"):
        if record.stat().st_uid == os.getuid() and not (found := Cluster(record.parent)).supervisor():
            found.down()


@contextlib.contextmanager
def private_cluster(settings: Settings = Settings()) -> Iterator[Cluster]:  # noqa: B008 (immutable)
    """Yield a cluster that is up; it goes down with the block, and with this process, however that ends."""
    sweep_abandoned()
    # Sockets have short names, so the folder has one, too.
    folder = Path(tempfile.mkdtemp(prefix="onshell-slurm-"))
    prepare(folder, settings)
    cluster, supervisor = begin(folder, stay=False)
    try:
        yield cluster
    finally:
        supervisor.stdin.close()
        supervisor.wait(60)
        supervisor.stdout.close()


def main() -> None:
    """Bring the command line's cluster up or down, or print what leads Slurm's programs to it."""
    verbs = ("up", "down", "env")
    if len(sys.argv) != 2 or sys.argv[1] not in verbs:
        sys.exit(f"usage: python {sys.argv[0]} {'|'.join(verbs)}")
    verb, here = sys.argv[1], HOME / "cluster.json"
    if verb == "up":
        if fault := missing():
            sys.exit(fault)
        if here.exists():
            Cluster(HOME).down()
        shutil.rmtree(HOME, ignore_errors=True)
        prepare(HOME, Settings())
        try:
            begin(HOME, stay=True)
        except RuntimeError as error:
            sys.exit(str(error))
        print(f"up; `eval $(python {sys.argv[0]} env)` leads to it, and `python {sys.argv[0]} down` ends it")
    elif not here.exists():
        sys.exit(f"no cluster in {HOME}; bring one up with `python {sys.argv[0]} up`")
    elif verb == "env":
        print("\n".join(f"export {key}='{value}'" for key, value in Cluster(HOME).variables().items()))
    else:
        Cluster(HOME).down()


if __name__ == "__main__":
    main()
