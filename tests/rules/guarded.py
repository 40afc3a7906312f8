#!/usr/bin/env python3
"""Has Clang's thread-safety analysis compare what libmpx does with what its annotations say that mutexes
guard (mpx/detail/mutex.hpp).

usage: guarded.py ROOT BUILD

The time goes into the headers of others, so all sources of a folder are compiled as one, as in names.py.
"""

import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys

import names

SKIPPED = 77


def find_compiler():
    return shutil.which("clang++-14") or shutil.which("clang++")


def problems(compiler, source, flags):
    """What the analysis finds in a source, or another reason for which it does not compile."""
    run = subprocess.run([compiler, "-fsyntax-only", "-ferror-limit=0", "-Wthread-safety", "-Werror=thread-safety",
                          str(source), *flags], capture_output=True, text=True)
    return run.stderr.strip() if run.returncode != 0 else ""


def main(root, build):
    compiler = find_compiler()
    commands = build / "compile_commands.json"
    if not compiler or not commands.exists():
        print("clang++ or compile_commands.json is missing: what mutexes guard is not checked")
        return SKIPPED
    folder = build / "guarded"
    folder.mkdir(exist_ok=True)

    def check(unit):
        name, files, flags = unit
        source = folder / f"{name}.cpp"
        source.write_text("".join(f'#include "{path}"\n' for path in files))
        return problems(compiler, source, flags)

    library = root / "libmpx" / "src"
    units = [unit for unit in names.units(root, json.loads(commands.read_text()))
             if unit[1][0].is_relative_to(library)]
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        found = [text for text in pool.map(check, units) if text]
    print("\n".join(found) or f"guarded: all rules kept in {len(units)} folders")
    return 1 if found or not units else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
