"""What is run and what is promised: the data of compare.py."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """One program of one variant, and how it is started."""

    variant: str  # mpx, raw, python, mpi4py
    name: str
    ranks: int = 1  # ranks the launcher starts; 1 for raw and python: no launcher
    launch: tuple = ()  # mpx: options of mpx-run
    one_core: bool = False  # everything of the job on the same core


def mpx(name, *launch, ranks=2, one_core=False):
    return Program("mpx", name, ranks, launch, one_core)


# Variants of one group run one after the other in each round, so that they meet the same machine.
GROUPS = {
    "pipe": [
        mpx("pipe", "-w", "2"),
        mpx("pipe_rank", "-n", "2"),
        Program("raw", "pipe", 2),
        Program("python", "pipe"),
    ],
    "queue": [mpx("queue", "-w", "2"), Program("raw", "queue", 2), Program("python", "queue")],
    "pool": [
        mpx("pool", "-w", "2"),
        Program("raw", "pool", 3),
        Program("python", "pool"),
        Program("mpi4py", "pool", 3),
    ],
    "lock": [mpx("lock", "-w", "2"), Program("raw", "lock", 2), Program("python", "lock")],
    "start": [mpx("start", "-w", "1"), Program("raw", "start"), Program("python", "start")],
    "idle": [
        mpx("idle", "-n", "2"),
        mpx("wake", "-n", "2"),
        Program("raw", "idle", 2),
        Program("raw", "wake"),
        Program("python", "idle"),
    ],
    "compute": [
        mpx("compute", "-n", "2", one_core=True),
        Program("raw", "compute", one_core=True),
    ],
}


@dataclass(frozen=True)
class Claim:
    """One line of the table: a figure of mpx, beside that of `against` if it has one."""

    text: str
    benchmark: str
    size: int
    metric: str
    against: str = ""
    kind: str = "speedup"  # speedup: times better; cost: times as much; difference; value
    target: float = None

    def result(self, own, other):
        if self.kind == "value":
            return own
        if self.kind == "difference":
            return own - other
        rate = self.metric in ("throughput", "bandwidth")
        better = own / other if rate else other / own
        return better if self.kind == "speedup" else 1 / better

    def reached(self, result):
        return result >= self.target if self.kind == "speedup" else result <= self.target


CLAIMS = [
    Claim("queue, 10^4 ints, process to process", "queue", 10**4, "throughput", "python"),
    Claim("queue, 10^5 ints", "queue", 10**5, "throughput", "python"),
    Claim("queue, 10^6 ints", "queue", 10**6, "throughput", "python", target=10),
    Claim("queue, 10^6 ints, against a stream of sends", "queue", 10**6, "throughput", "raw"),
    Claim("pipe, 8 B, process to process", "pipe_process", 8, "round_trip", "python", target=1),
    Claim("pipe, 64 KiB", "pipe_process", 65536, "bandwidth", "python"),
    Claim("pipe, 1 MiB", "pipe_process", 1 << 20, "bandwidth", "python"),
    Claim("pipe, 8 B, rank to rank", "pipe_rank", 8, "round_trip", "raw", "difference", 1),
    Claim("pipe, 64 KiB, rank to rank", "pipe_rank", 65536, "bandwidth", "raw"),
    Claim("pipe, 1 MiB, rank to rank", "pipe_rank", 1 << 20, "bandwidth", "raw"),
    Claim("pool, empty tasks, chunk 1", "pool", 1, "throughput", "python", target=2),
    Claim("pool, empty tasks, chunk 1", "pool", 1, "throughput", "mpi4py", target=20),
    Claim("pool, empty tasks, chunk 1", "pool", 1, "throughput", "raw"),
    Claim("pool, empty tasks, automatic chunk", "pool", 0, "throughput", "python", target=2),
    Claim("lock + unlock, uncontended, from a rank", "lock_uncontended", 1, "pair", "raw", "cost",
          3),
    Claim("lock + unlock, uncontended, from a rank", "lock_uncontended", 1, "pair", "python"),
    Claim("lock + unlock, two processes at once", "lock_contended", 2, "pair", "python"),
    Claim("lock + unlock, against two spinning ranks", "lock_contended", 2, "pair", "raw"),
    Claim("process start + join", "start_join", 1, "time", "python", target=1),
    Claim("process start + join, against fork + waitpid", "start_join", 1, "time", "raw", "cost"),
    Claim("idle worker rank, share of a core", "idle", 1, "cpu", "", "value", 0.5),
    Claim("idle main rank, share of a core", "idle", 0, "cpu", "", "value", 0.5),
    Claim("wake-up of an idle rank", "wake", 8, "delay", "", "value", 50),
    Claim("wake-up, against a process of Python", "wake", 8, "delay", "python"),
    Claim("wake-up, more than a bare socket takes", "wake", 8, "delay", "system", "difference"),
    Claim("1 s task, its rank on the same core", "compute", 1, "time", "raw", "cost", 1.01),
]
