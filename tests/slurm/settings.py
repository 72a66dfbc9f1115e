"""What a private cluster is configured to be: slurm.conf, gres.conf and the daemons' command lines."""

import random
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo", "srun")
INSTALL = "apt-get install -y --no-install-recommends slurmctld slurmd slurm-client munge"

DAEMON_PORTS = range(20000, 32000)
"""Below the range from which the kernel hands out ports by itself."""

SLURM_CONF = """\
ClusterName={name}
SlurmctldHost={host}({address})
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CredType=cred/munge
{binding}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,sched_interval=5,sched_min_interval=100000
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
MinJobAge=900
KillWait={kill_wait}
InactiveLimit=0
SlurmctldTimeout=30
SlurmdTimeout=6
MessageTimeout=10
ReturnToService=2
PropagateResourceLimits=NONE
GresTypes=gpu
{nodes}
{partitions}
"""

ADDRESS = "127.0.0.1"

LOOPBACK_ONLY = "CommunicationParameters=NoInAddrAny,NoCtldInAddrAny"
"""Slurm binds either to every interface or to the address that the machine's own name resolves to."""

NODE = (
    "NodeName={node} NodeHostname={host} NodeAddr={address} Port={port} CPUs={cpus} Boards=1 Sockets=1 "
    "CoresPerSocket={cpus} ThreadsPerCore=1 RealMemory={memory} Gres=gpu:a100:{gpus} State=UNKNOWN"
)


PARTITION = "PartitionName={name} Nodes={nodes} MaxTime=UNLIMITED {rank}"

RANKS = {
    "main": "Default=YES PriorityTier=10 PreemptMode=OFF",
    "spare": "PriorityTier=10 PreemptMode=OFF",
    "low": "PriorityTier=1 PreemptMode=REQUEUE GraceTime=0",
    "grace": "PriorityTier=1 PreemptMode=REQUEUE GraceTime=60",
    "high": "PriorityTier=20 PreemptMode=OFF",
}
"""Partitions by name: jobs of the last one take the nodes that those of two others are on."""


@dataclass(frozen=True)
class Settings:
    """The size of a private cluster, which nodes its partitions have, and its patience in seconds."""

    nodes: int = 4
    cpus: int = 4
    gpus: int = 2
    memory: int = 16000
    kill_wait: int = 30
    partitions: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(RANKS, "ALL"))

    def names(self) -> list[str]:
        """Return the names of the nodes."""
        return [f"n{number}" for number in range(1, self.nodes + 1)]

    def slurm_conf(self, folder: Path, name: str, user: str, ports: list[int]) -> str:
        """Return the text of slurm.conf for a cluster that lives in `folder`; `ports`: the controller's, the nodes'."""
        host = socket.gethostname().split(".")[0]
        size = {"address": ADDRESS, "cpus": self.cpus, "memory": self.memory, "gpus": self.gpus}
        lines = [
            NODE.format(node=node, host=host, port=port, **size)
            for node, port in zip(self.names(), ports[1:], strict=True)
        ]
        partitions = [
            PARTITION.format(name=name, nodes=nodes, rank=RANKS[name]) for name, nodes in self.partitions.items()
        ]
        return SLURM_CONF.format(
            folder=folder,
            name=name,
            user=user,
            host=host,
            address=ADDRESS,
            binding=LOOPBACK_ONLY if resolves_to(host, ADDRESS) else "",
            ports=ports,
            kill_wait=self.kill_wait,
            nodes="\n".join(lines),
            partitions="\n".join(partitions),
        )

    def gres_conf(self, folder: Path) -> str:
        """Return the text of gres.conf: the character devices that play the GPUs, the same on every node."""
        devices = [f"Name=gpu Type=a100 File={folder}/gpu{number}\n" for number in range(self.gpus)]
        return "".join(devices)


def resolves_to(host: str, address: str) -> bool:
    """Return whether a host's name stands for an address."""
    try:
        return socket.gethostbyname(host) == address
    except OSError:
        return False


def free_ports(number: int) -> list[int]:
    """Return `number` ports of the loopback interface on which nobody listens."""

    def free() -> Iterator[int]:
        for port in random.sample(DAEMON_PORTS, len(DAEMON_PORTS)):
            with closing(socket.socket()) as probe:
                try:
                    probe.bind((ADDRESS, port))
                except OSError:
                    continue
            yield port

    found = free()
    return [next(found) for _ in range(number)]
