#!/usr/bin/python3
"""Runs the benchmarks of libmpx beside their raw-MPI and Python twins; prints a table of ratios.

    benchmarks/compare.py --build build [--only queue,pool] [--rounds 5] [--markdown table.md]

benchmarks/README.md says how to read it.
"""

import argparse
import collections
import csv
import datetime
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True  # the source tree stays as it is
from claims import CLAIMS, GROUPS

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"  # the one that Debian's mpi4py belongs to
FIELDS = ["benchmark", "variant", "size", "metric", "unit", "value", "ranks", "round", "date",
          "host"]
TIME_LIMIT = 180  # seconds a program


def environment():
    """What several ranks on few cores need; all of it only where the caller has not set it."""
    env = dict(os.environ)
    wanted = {
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OMPI_MCA_hwloc_base_binding_policy": "none",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMPI_MCA_osc": "sm,pt2pt",  # Debian's default crashes in compare_and_swap
    }
    if os.geteuid() == 0:
        wanted |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    for name, value in wanted.items():
        env.setdefault(name, value)
    return env


def runner(build):
    """The mpx-run of this build."""
    return next((p for p in (build / "runner/mpx-run", build / "mpx-run") if p.exists()), None)


def command(program, build, extra):
    """Command line of a program, or None where it is not built or not installed."""
    if program.variant in ("mpx", "raw"):
        binary = build / "benchmarks" / program.variant / program.name
        if not binary.exists():
            return None
        line = [str(binary), *extra]
        if program.variant == "mpx":
            launcher = runner(build)
            if launcher is None:
                return None
            line = [str(launcher), *program.launch, *line]
        elif program.ranks > 1:
            line = ["mpirun", "-n", str(program.ranks), *line]
    elif program.variant == "mpi4py":
        if subprocess.run([PYTHON, "-c", "import mpi4py"], capture_output=True).returncode != 0:
            return None
        script = HERE / "python" / f"bench_{program.name}_mpi4py.py"
        line = ["mpirun", "-n", str(program.ranks), PYTHON, "-m", "mpi4py.futures", str(script),
                *extra]
    else:
        line = [PYTHON, str(HERE / "python" / f"bench_{program.name}.py"), *extra]
    if program.one_core:
        line = ["taskset", "-c", str(min(os.sched_getaffinity(0))), *line]
    return line


def run(line):
    """Output of a program; raises RuntimeError if it fails or takes too long."""
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=environment(), start_new_session=True)
    try:
        out, err = process.communicate(timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{' '.join(line)}: not done after {TIME_LIMIT} s") from None
    finally:  # also when this script is ended: a launcher ends its job when it is told to
        if process.poll() is None:
            process.terminate()
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(line)}: status {process.returncode}\n{err[-2000:]}")
    return out


def rows_of(text, program, number):
    """The program's lines with what it does not know itself."""
    rows = []
    for values in csv.reader(text.splitlines()):
        if len(values) != 6:
            raise RuntimeError(f"{program.variant}/{program.name} printed {values}")
        row = dict(zip(FIELDS, values))
        row |= {"size": int(row["size"]), "value": float(row["value"]), "ranks": program.ranks,
                "round": number, "host": socket.gethostname(),
                "date": datetime.datetime.now(datetime.timezone.utc).isoformat("T", "seconds")}
        rows.append(row)
    if not rows:
        raise RuntimeError(f"{program.variant}/{program.name} printed nothing")
    return rows


def append_csv(path, rows):
    """Adds rows to the file at once, so that an interrupted call leaves what it measured."""
    if path is None:
        return
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if fresh:
            writer.writeheader()
        writer.writerows(rows)


def measure(options):
    """All rows of all rounds, and what went wrong."""
    rows, problems, absent = [], [], set()
    for number in range(1, options.rounds + 1):
        for group in options.only:
            for program in GROUPS[group]:
                if program.variant not in options.variants:
                    continue
                extra = ["--quick"] if options.quick else []
                line = command(program, options.build, extra)
                label = f"{program.variant}/{program.name}"
                if line is None:
                    absent.add(label)
                    continue
                print(f"round {number}: {label}", file=sys.stderr, flush=True)
                try:
                    fresh = rows_of(run(line), program, number)
                    rows += fresh
                    append_csv(options.csv, fresh)
                except RuntimeError as problem:
                    problems.append(str(problem))
                    print(problem, file=sys.stderr)
    if absent:
        print("not built or not installed, left out: " + ", ".join(sorted(absent)),
              file=sys.stderr)
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
        key = (claim.benchmark, claim.size, claim.metric)
        own = values.get((*key, "mpx"), {})
        other = values.get((*key, claim.against), {})
        if not own and not other:
            continue
        unit = units[key]
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
    parser.add_argument("--only", default=",".join(GROUPS), help="groups, of: " + ", ".join(GROUPS))
    parser.add_argument("--variants", default="mpx,raw,python,mpi4py")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--csv", type=pathlib.Path, help="append all figures to this file")
    parser.add_argument("--markdown", type=pathlib.Path, help="write the table to this file")
    parser.add_argument("--quick", action="store_true", help="tiny numbers that mean nothing")
    parser.add_argument("--strict", action="store_true", help="fail if any program fails")
    options = parser.parse_args()
    options.build = options.build.resolve()
    options.only = options.only.split(",")
    options.variants = options.variants.split(",")
    unknown = set(options.only) - GROUPS.keys()
    if unknown:
        parser.error("no such group: " + ", ".join(sorted(unknown)))
    return options


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of run()'s finally
    rows, problems = measure(options)
    table = table_of(rows, judge=not options.quick)
    print(aligned(table))
    if options.markdown:
        options.markdown.write_text(markdown(table))
    if problems:
        print(f"{len(problems)} program runs failed", file=sys.stderr)
    return 1 if not rows or (problems and options.strict) else 0


if __name__ == "__main__":
    sys.exit(main())
