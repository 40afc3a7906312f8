#!/usr/bin/python3
"""Runs the benchmarks of libmpx beside their raw-MPI and Python twins; prints a table of ratios.

    benchmarks/compare.py --build build [--only queue,pool] [--rounds 5] [--markdown table.md]

benchmarks/README.md says how to read it.
"""

import argparse
import collections
import csv
import datetime
import functools
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # the source tree stays as it is
from claims import CLAIMS, GROUPS, NODES, NODES_GROUPS, NODES_PREFIX

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"  # the one that Debian's mpi4py belongs to
FIELDS = ["benchmark", "variant", "size", "metric", "unit", "value", "ranks", "round", "date",
          "host"]
TIME_LIMIT = 180  # seconds a program
VCLUSTER = HERE.parent / "tests/cluster/vcluster.sh"
ALL_GROUPS = GROUPS | NODES_GROUPS
SKIPPED = 77
STDOUT = pathlib.Path("-")


def open_mpi():
    """What mpirun says of its version; nothing where there is none."""
    try:
        return subprocess.run(["mpirun", "--version"], capture_output=True, text=True).stdout
    except OSError:
        return ""


def environment(ranks=1):
    """What several ranks on few cores need; all of it only where the caller has not set it."""
    env = dict(os.environ)
    wanted = {
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OMPI_MCA_hwloc_base_binding_policy": "none",
        "PRTE_MCA_rmaps_default_mapping_policy": "slot:oversubscribe",  # as these two, for Open MPI 5
        "PRTE_MCA_hwloc_default_binding_policy": "none",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if ranks > len(os.sched_getaffinity(0)):  # who polls lets the others have the core
        wanted |= {"OMPI_MCA_mpi_yield_when_idle": "1"}
    if "(Open MPI) 4." in open_mpi():
        wanted["OMPI_MCA_osc"] = "sm,pt2pt"  # Debian's default crashes in compare_and_swap
    if os.geteuid() == 0:
        wanted |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    for name, value in wanted.items():
        env.setdefault(name, value)
    return env


def runner(build):
    """The mpx-run of this build."""
    return next((p for p in (build / "runner/mpx-run", build / "mpx-run") if p.exists()), None)


@functools.cache
def installed(module):
    """Whether that Python has a module; importing it might start MPI."""
    check = f"import sys, importlib.util as i; sys.exit(i.find_spec('{module}') is None)"
    return subprocess.run([PYTHON, "-c", check], capture_output=True).returncode == 0


def command(program, build, extra, nodes):
    """Command line of a program; raises LookupError where something for it is missing."""
    launch = [word.format(*nodes) for word in program.launch]
    extra = [*program.arguments, *extra]
    if program.variant in ("mpx", "raw"):
        binary = build / "benchmarks" / program.variant / program.name
        if not binary.exists():
            raise LookupError("not built")
        line = [str(binary), *extra]
        if program.variant == "mpx":
            launcher = runner(build)
            if launcher is None:
                raise LookupError("mpx-run is not built")
            line = [str(launcher), *launch, *line]
        elif program.ranks > 1:
            line = ["mpirun", "-n", str(program.ranks), *launch, *line]
    elif program.variant == "mpi4py":
        if not installed(program.needs):
            raise LookupError(f"{PYTHON} has no {program.needs}")
        script = HERE / "python" / f"bench_{program.name}_mpi4py.py"
        line = ["mpirun", "-n", str(program.ranks), *launch, PYTHON, "-m", program.module,
                str(script), *extra]
    else:
        line = [PYTHON, str(HERE / "python" / f"bench_{program.name}.py"), *extra]
    if program.one_core:
        line = ["taskset", "-c", str(min(os.sched_getaffinity(0))), *line]
    return line


def run(line, limit=TIME_LIMIT, errors=subprocess.PIPE, ranks=1, status=0):
    """Output of a program; raises RuntimeError if it ends otherwise or takes too long."""
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=errors, text=True,
                               env=environment(ranks), start_new_session=True)
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{' '.join(line)}: not done after {limit} s") from None
    finally:  # also when this script is ended: a launcher ends its job when it is told to
        if process.poll() is None:
            process.terminate()
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
    if process.returncode != status:
        raise RuntimeError(f"{' '.join(line)}: status {process.returncode}\n"
                           f"{(err or '')[-2000:]}")
    return out


def run_timed(line, program):
    """The figure of a program that prints none: how long all of it takes."""
    start = time.monotonic()
    run(line, ranks=program.ranks, status=program.status)
    taken = time.monotonic() - start
    return f"{program.timed},{program.variant},{program.ranks},time,s,{taken:.6f}"


def rows_of(text, program, number, prefix):
    """The program's lines with what it does not know itself."""
    rows = []
    for values in csv.reader(text.splitlines()):
        if len(values) != 6:
            raise RuntimeError(f"{program.variant}/{program.name} printed {values}")
        row = dict(zip(FIELDS, values))
        row["benchmark"] = prefix + row["benchmark"]
        row |= {"size": int(row["size"]), "value": float(row["value"]), "ranks": program.ranks,
                "round": number, "host": socket.gethostname(),
                "date": datetime.datetime.now(datetime.timezone.utc).isoformat("T", "seconds")}
        rows.append(row)
    if not rows:
        raise RuntimeError(f"{program.variant}/{program.name} printed nothing")
    return rows


def append_csv(path, rows):
    """Adds rows to the file at once, so that an interrupted call leaves what it measured."""
    if path is None or path == STDOUT:
        return
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        write_csv(file, rows, fresh)


def write_csv(file, rows, heading):
    writer = csv.DictWriter(file, FIELDS)
    if heading:
        writer.writeheader()
    writer.writerows(rows)


def names_in(hostfile):
    lines = (line.split("#")[0].split() for line in hostfile.read_text().splitlines())
    return [words[0] for words in lines if words]


def on_virtual_nodes(options, groups):
    """Rows of the groups that need nodes, on nodes made for this; what went wrong; or why not."""
    check = subprocess.run([VCLUSTER, "check"], capture_output=True, text=True)
    if check.returncode != 0:
        reason = check.stdout.strip() or check.stderr.strip()
        return [], [], f"groups {', '.join(groups)} left out: {reason}"
    node = [str(VCLUSTER), "run", "1", str(VCLUSTER), "exec", "node1"]
    if subprocess.run([*node, "test", "-d", options.build], capture_output=True).returncode != 0:
        problem = (f"the virtual nodes do not see the build folder {options.build}: they have a "
                   "/tmp, a /run and a /dev/shm of their own; build elsewhere")
        print(problem, file=sys.stderr)
        return [], [problem], ""
    line = [str(VCLUSTER), "run", str(NODES), str(VCLUSTER), "exec", "node1", PYTHON, __file__,
            "--hostfile", "/run/vcluster/hostfile", "--build", str(options.build),
            "--only", ",".join(groups), "--variants", ",".join(options.variants),
            "--rounds", str(options.rounds), "--csv", "-"]
    line += ["--quick"] * options.quick + ["--strict"] * options.strict
    runs = options.rounds * sum(len(NODES_GROUPS[group]) for group in groups)
    try:
        text = run(line, runs * TIME_LIMIT, errors=None)
    except RuntimeError as problem:
        return [], [str(problem)], ""
    rows = list(csv.DictReader(text.splitlines()))
    for row in rows:
        row |= {"value": float(row["value"])}
        row |= {name: int(row[name]) for name in ("size", "ranks", "round")}
    append_csv(options.csv, rows)
    return rows, [], ""


def measure(options, groups, nodes):
    """All rows of all rounds, and what went wrong."""
    rows, problems, absent = [], [], {}
    prefix = NODES_PREFIX if nodes else ""
    for number in range(1, options.rounds + 1):
        for group in groups:
            for program in ALL_GROUPS[group]:
                if program.variant not in options.variants:
                    continue
                if options.quick and program.ranks > 8:
                    continue
                extra = ["--quick"] if options.quick and not program.timed else []
                label = f"{program.variant}/{program.name}"
                try:
                    line = command(program, options.build, extra, nodes)
                except LookupError as missing:
                    absent[label] = str(missing)
                    continue
                print(f"round {number}: {prefix}{label}", file=sys.stderr, flush=True)
                try:
                    text = (run_timed(line, program) if program.timed else
                            run(line, ranks=program.ranks))
                    fresh = rows_of(text, program, number, prefix)
                    rows += fresh
                    append_csv(options.csv, fresh)
                except RuntimeError as problem:
                    problems.append(str(problem))
                    print(problem, file=sys.stderr)
    for label, reason in sorted(absent.items()):
        print(f"{label} is left out: {reason}", file=sys.stderr)
    return rows, problems


def number_text(value):
    """Three significant digits, thousands with separators."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def table_of(rows, judge):
    """Lines of the table, as lists of cells; the first is the heading."""
    values = collections.defaultdict(dict)
    units = {}
    for row in rows:
        key = (row["benchmark"], row["size"], row["metric"], row["variant"])
        values[key][row["round"]] = row["value"]
        units[key[:3]] = row["unit"]
    table = [["what", "mpx", "unit", "against", "its figure", "result", "range", "target", ""]]
    for claim in CLAIMS:
        own = values.get((*claim.key, "mpx"), {})
        other = values.get((*(claim.twin or claim.key), claim.against), {})
        if not own and (not other or claim.twin):
            continue
        unit = units[claim.key]
        # Each round's own ratio first: between rounds the machine may have changed.
        rounds = sorted(own.keys() & other.keys()) if claim.against else sorted(own)
        results = [claim.result(own[r], other.get(r)) for r in rounds]
        suffix = {"speedup": " x", "cost": " x the cost"}.get(claim.kind, f" {unit}")
        bound = ">=" if claim.kind == "speedup" else "<="
        result = statistics.median(results) if results else None
        table.append([
            claim.text,
            number_text(statistics.median(own.values())) if own else "-",
            unit,
            claim.against or "-",
            number_text(statistics.median(other.values())) if other else "-",
            f"{result:.3g}{suffix}" if results else "-",
            f"{min(results):.3g}..{max(results):.3g}" if len(results) > 1 else "-",
            f"{bound} {claim.target:g}{suffix}" if claim.target is not None else "-",
            "" if claim.target is None or not results or not judge else
            "yes" if claim.reached(result) else "NO",
        ])
    return table


def aligned(table):
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
                     for line in table)


def markdown(table):
    lines = ["| " + " | ".join(line) + " |" for line in table]
    return "\n".join([lines[0], "|---" * len(table[0]) + "|", *lines[1:]]) + "\n"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent / "build/default")
    parser.add_argument("--only", default=",".join(ALL_GROUPS),
                        help="groups, of: " + ", ".join(ALL_GROUPS))
    parser.add_argument("--variants", default="mpx,raw,python,mpi4py")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--csv", type=pathlib.Path, help="append all figures to this file; -: print them instead of the table")
    parser.add_argument("--hostfile", type=pathlib.Path,
                        help=f"the nodes of {', '.join(NODES_GROUPS)}, this one first "
                             f"({NODES} or more; without it, virtual nodes are made)")
    parser.add_argument("--markdown", type=pathlib.Path, help="write the table to this file")
    parser.add_argument("--quick", action="store_true", help="tiny numbers that mean nothing")
    parser.add_argument("--strict", action="store_true", help="fail if any program fails")
    options = parser.parse_args()
    options.build = options.build.resolve()
    options.only = options.only.split(",")
    options.variants = options.variants.split(",")
    unknown = set(options.only) - ALL_GROUPS.keys()
    if unknown:
        parser.error("no such group: " + ", ".join(sorted(unknown)))
    options.nodes = []
    if options.hostfile:
        try:
            options.nodes = names_in(options.hostfile)
        except OSError as error:
            parser.error(str(error))
        if len(options.nodes) < NODES:
            parser.error(f"{options.hostfile} names {len(options.nodes)} nodes; {NODES} are needed")
    return options


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of run()'s finally
    rows, problems = measure(options, [g for g in options.only if g in GROUPS], [])
    left_out = ""
    if far := [group for group in options.only if group in NODES_GROUPS]:
        if options.nodes:
            more, wrong = measure(options, far, options.nodes)
        else:
            more, wrong, left_out = on_virtual_nodes(options, far)
        rows, problems = rows + more, problems + wrong
    if left_out:
        print(left_out, file=sys.stderr)
    table = table_of(rows, judge=not options.quick)
    if options.csv == STDOUT:
        write_csv(sys.stdout, rows, True)
    else:
        print(aligned(table))
    if options.markdown:
        options.markdown.write_text(markdown(table))
    if problems:
        print(f"{len(problems)} program runs failed", file=sys.stderr)
    if left_out and not rows and not problems:
        return SKIPPED
    return 1 if not rows or (problems and options.strict) else 0


if __name__ == "__main__":
    sys.exit(main())
