"""What is run and what is promised: the data of compare.py."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """One program of one variant, and how it is started."""

    variant: str  # mpx, raw, python, mpi4py
    name: str
    ranks: int = 1  # ranks the launcher starts; 1 for raw and python: no launcher
    launch: tuple = ()  # options of mpx-run, or of mpirun
    one_core: bool = False  # everything of the job on the same core
    arguments: tuple = ()  # of the program
    module: str = "mpi4py"  # of mpi4py: by which Python runs the program,
    needs: str = "mpi4py"  # … and without which it is left out
    timed: str = ""  # the program prints nothing: the benchmark that its whole run is
    status: int = 0  # with which it ends


def mpx(name, *launch, ranks=2, **more):
    return Program("mpx", name, ranks, launch, **more)


# Options of both launchers: {0}, {1} are names of nodes. Rank 0 alone on the first, all others on
# the second; and a rank or two on each of three.
PAIR = ("--host", "{0}:1,{1}:1")
THREE = ("--host", "{0}:2,{1}:1,{2}:1")


# As many ranks or slots, on as many of three nodes as there are.
SPREAD = {2: PAIR, 4: THREE, 8: ("--host", "{0}:3,{1}:3,{2}:2")}
PARTIES = tuple(SPREAD)  # that fight over a lock, or meet at a barrier
MORE_PEERS = 8, 32, 64  # ranks, beside 2: what grows with them?


def peers(ranks):
    where = ("--host", f"{{0}}:1,{{1}}:{ranks - 1}")
    return [mpx("peers", "-n", str(ranks), *where, ranks=ranks),
            Program("raw", "peers", ranks, where)]


def contended(parties, *where):
    """A lock that goes round, and a barrier; Python's own are of one node."""
    count = ("--parties", str(parties))
    ranks = ("-n", str(parties), *where)
    programs = [
        mpx("handover", *ranks, ranks=parties),
        mpx("handover_process", "-w", str(parties), *where, ranks=parties, arguments=count),
        Program("raw", "handover", parties, where),
        Program("mpi4py", "handover", parties, where, needs="mpi4py.util.sync"),
        mpx("barrier", *ranks, ranks=parties),
        Program("raw", "barrier", parties, where),
    ]
    if not where:
        programs += [Program("python", name, arguments=count) for name in ("handover", "barrier")]
    return programs


SLOTS = (2, 8, 32, 128)  # one on each rank but the first

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
        mpx("deaths", "-w", "2"),
        Program("raw", "pool", 3),
        Program("python", "pool"),
        Program("mpi4py", "pool", 3, module="mpi4py.futures"),
    ],
    "large": [mpx("large", "-w", "1")],
    "scale": [mpx("scale", "-w", "1")],
    "slots": [mpx("slots", "-n", str(slots + 1), ranks=slots + 1) for slots in SLOTS],
    "lock": [
        mpx("lock", "-w", "2"),
        mpx("lock_rank", "-n", "2"),
        mpx("lock_process", "-w", "1"),
        Program("raw", "lock", 2),
        Program("python", "lock"),
    ],
    "sync": [program for parties in PARTIES for program in contended(parties)],
    "start": [
        mpx("start", "-w", "1"),
        Program("raw", "start"),
        Program("python", "start"),
        mpx("empty", "-n", "2", timed="job"),
        mpx("empty", "-n", "2", arguments=("1",), timed="job_failed", status=1),
    ],
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

# Groups that need several nodes: their rows are told apart by this prefix.
NODES_PREFIX = "nodes."
NODES_GROUPS = {
    "nodes": [
        mpx("pipe_rank", "-n", "2", *PAIR),
        Program("raw", "pipe", 2, PAIR),
        mpx("lock_rank", "-n", "2", *PAIR),
        mpx("dispatch", "-n", "2", *PAIR),
        mpx("idle", "-n", "2", *PAIR),
        mpx("empty", "-n", "4", *THREE, ranks=4, timed="empty"),
        Program("raw", "empty", 4, THREE, timed="empty"),
    ],
    "syncnodes": [
        program for parties in PARTIES for program in contended(parties, *SPREAD[parties])
    ],
    "peers": [program for ranks in (2, *MORE_PEERS) for program in peers(ranks)],
}
NODES = 3  # that they need


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
    twin: tuple = ()  # benchmark, size, metric of `against`, where they are others

    @property
    def key(self):
        return self.benchmark, self.size, self.metric

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


RAW_ROUND_TRIP = ("nodes.pipe_rank", 8, "round_trip")


def contended_claims(prefix, parties):
    """Those of contended(); `prefix` is NODES_PREFIX or nothing."""
    title = "nodes: " if prefix else ""
    turns = f"{title}turns of a lock, {parties} ranks"
    ranks = f"{prefix}handover", parties, "throughput"
    processes = f"{prefix}handover_process", parties
    claims = [
        Claim(f"{turns}, against MPI_Win_lock", *ranks, "raw", target=1),
        Claim(f"{turns}, against a Mutex of mpi4py", *ranks, "mpi4py", target=1),
        Claim(f"{turns}, most to least of one", *ranks[:2], "most_to_least", "raw", "value", 1.2),
        Claim(f"{title}the same, processes against ranks of MPI_Win_lock", *processes,
              "throughput", "raw", twin=ranks),
        Claim(f"{title}the same, processes, most to least of one", *processes, "most_to_least",
              "", "value", 1.2 if prefix else 1.5),
        Claim(f"{title}barrier of {parties} ranks", f"{prefix}barrier", parties, "time", "raw",
              "cost", 4),
    ]
    if not prefix:
        claims += [
            Claim(f"barrier of {parties} ranks, against processes", "barrier", parties, "time",
                  "python"),
            Claim(f"turns of a lock, {parties} processes", *processes, "throughput", "python",
                  target=0.5),
        ]
    return claims


CLAIMS = [
    Claim("queue, 10^4 ints, process to process", "queue", 10**4, "throughput", "python"),
    Claim("queue, 10^5 ints", "queue", 10**5, "throughput", "python"),
    Claim("queue, 10^6 ints", "queue", 10**6, "throughput", "python", target=10),
    Claim("queue, 10^6 ints, against a stream of sends", "queue", 10**6, "throughput", "raw"),
    Claim("pipe, 8 B, process to process", "pipe_process", 8, "round_trip", "python", target=1),
    Claim("pipe, 64 KiB", "pipe_process", 65536, "bandwidth", "python"),
    Claim("queue, items of 1 MiB", "queue_large", 1 << 20, "bandwidth", "python", target=4),
    Claim("queue, items of 32 MiB", "queue_large", 32 << 20, "bandwidth", "python", target=2),
    Claim("pipe, 1 MiB", "pipe_process", 1 << 20, "bandwidth", "python", target=2),
    Claim("pipe, 32 MiB", "pipe_process", 32 << 20, "bandwidth", "python", target=2),
    Claim("pipe, 8 B, rank to rank", "pipe_rank", 8, "round_trip", "raw", "difference", 1),
    Claim("pipe, 64 KiB, rank to rank", "pipe_rank", 65536, "bandwidth", "raw"),
    Claim("pipe, 1 MiB, rank to rank", "pipe_rank", 1 << 20, "bandwidth", "raw"),
    Claim("pool, empty tasks, chunk 1", "pool", 1, "throughput", "python", target=2),
    Claim("pool, empty tasks, chunk 1", "pool", 1, "throughput", "mpi4py", target=20),
    Claim("pool, empty tasks, chunk 1", "pool", 1, "throughput", "raw"),
    Claim("pool, empty tasks, automatic chunk", "pool", 0, "throughput", "python", target=2),
    *(Claim(f"pool, a death with 10^{power} tasks waiting, against 10^2", "death_tasks", 10**power,
            "time", "mpx", "cost", 1.5, ("death_tasks", 100, "time")) for power in (4, 5)),
    Claim("pool, a death in turn of 64 processes, against 2", "death_processes", 64, "time", "mpx",
          "cost", 1.5, ("death_processes", 2, "time")),
    Claim("an argument and result of 1,000 MiB, one task", "large", 1000, "time", "", "value"),
    Claim("… memory at its peak, over all processes", "large", 1000, "peak", "", "value"),
    *(Claim(f"scale: {what}, 10^5 against 10^2", f"scale_{name}", 10**5, "event", "mpx", "cost", 2,
            (f"scale_{name}", 100, "event"))
      for name, what in (("pool", "a task done, processes"), ("place", "a start and an end, ranks"),
                         ("items", "ten puts and gets, items waiting"),
                         ("consumers", "ten puts and gets, consumers"))),
    *(Claim(f"slots kept busy with tasks of {ms} ms, {slots} ranks", f"slots_{slots}", ms, "busy", "",
            "value")
      for slots in SLOTS for ms in (1, 10, 100, 1000)),
    *(Claim(f"scale: slots kept busy with tasks of {ms} ms, simulated, {slots:,} slots",
            f"scale_efficiency_{ms}ms", slots, "efficiency", "", "value")
      for slots in (10**3, 10**4, 10**5) for ms in (1, 10, 100, 1000, 10000)),
    Claim("lock + unlock, uncontended, from a rank", "lock_uncontended", 1, "pair", "raw", "cost",
          3),
    Claim("lock + unlock, uncontended, from a rank", "lock_uncontended", 1, "pair", "python"),
    Claim("lock or unlock, uncontended, from a rank of a Session", "lock_rank", 1, "operation",
          "raw", "cost", 3),
    Claim("lock + unlock, uncontended, from a process", "lock_process", 1, "pair", "python", "cost",
          1.5, ("lock_uncontended", 1, "pair")),
    Claim("lock or unlock, uncontended, from a process, against a load", "lock_process", 1,
          "operation", "mpx", "cost", 1.5, ("lock_process", 1, "load")),
    Claim("lock or unlock, uncontended, from a process, against a Manager's", "lock_process", 1,
          "operation", "python"),
    Claim("lock + unlock, two processes at once", "lock_contended", 2, "pair", "python",
          target=0.5),
    Claim("lock + unlock, against two spinning ranks", "lock_contended", 2, "pair", "raw"),
    *(claim for parties in PARTIES for claim in contended_claims("", parties)),
    Claim("process start + join", "start_join", 1, "time", "python", target=1),
    Claim("process start + join, against fork + waitpid", "start_join", 1, "time", "raw", "cost"),
    Claim("a job that ends with status 1, longer than with 0", "job_failed", 2, "time", "mpx",
          "difference", 0.2, ("job", 2, "time")),
    Claim("idle worker rank, share of a core", "idle", 1, "cpu", "", "value", 0.5),
    Claim("idle main rank, share of a core", "idle", 0, "cpu", "", "value", 0.5),
    Claim("wake-up of an idle rank", "wake", 8, "delay", "", "value", 50),
    Claim("wake-up, against a process of Python", "wake", 8, "delay", "python"),
    Claim("wake-up, more than a bare socket takes", "wake", 8, "delay", "system", "difference"),
    Claim("1 s task, its rank on the same core", "compute", 1, "time", "raw", "cost", 1.01),
    # Between nodes.
    Claim("nodes: pipe, 8 B, rank to rank", "nodes.pipe_rank", 8, "round_trip", "raw", "cost",
          1.15),
    Claim("nodes: pipe, 64 KiB, rank to rank", "nodes.pipe_rank", 65536, "bandwidth", "raw"),
    Claim("nodes: pipe, 1 MiB, rank to rank", "nodes.pipe_rank", 1 << 20, "bandwidth", "raw",
          target=0.9),
    Claim("nodes: lock or unlock, uncontended, from a rank, against a round trip",
          "nodes.lock_rank", 1, "operation", "raw", "cost", 1.2, RAW_ROUND_TRIP),
    *(claim for parties in PARTIES for claim in contended_claims(NODES_PREFIX, parties)),
    Claim("nodes: dispatch of a task, busy, against a round trip", "nodes.dispatch", 0, "delay",
          "raw", "cost", 2, RAW_ROUND_TRIP),
    Claim("nodes: a task there and its result back, busy", "nodes.dispatch", 0, "round_trip",
          "raw", "cost", None, RAW_ROUND_TRIP),
    Claim("nodes: dispatch, 20 ms after the last task", "nodes.dispatch", 20, "delay", "", "value",
          1500),
    Claim("nodes: dispatch, after 1.5 s of silence", "nodes.dispatch", 1500, "delay", "", "value",
          6000),
    Claim("nodes: idle worker rank, share of a core", "nodes.idle", 1, "cpu", "", "value", 1),
    Claim("nodes: idle main rank, share of a core", "nodes.idle", 0, "cpu", "", "value", 1),
    Claim("nodes: an empty program, start to finish", "nodes.empty", 4, "time", "raw", "cost", 1.3),
    *(Claim(f"nodes: CPU of rank 0 per peer and message, {ranks} ranks, against 2", "nodes.peers",
            ranks, "cpu_per_peer", "mpx", "cost", 1.2, ("nodes.peers", 2, "cpu_per_peer"))
      for ranks in MORE_PEERS),
    *(Claim(f"nodes: the same, {ranks} ranks, against MPI_Recv", "nodes.peers", ranks,
            "cpu_per_peer", "raw", "cost") for ranks in (2, *MORE_PEERS)),
    *(Claim(f"nodes: CPU of an idle rank 0, {ranks} ranks, against 2", "nodes.peers", ranks, "idle",
            "mpx", "cost", 1.2, ("nodes.peers", 2, "idle")) for ranks in MORE_PEERS),
]
