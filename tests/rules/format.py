#!/usr/bin/env python3
"""Checks that clang-format would change nothing and that no file is too long.

usage: format.py ROOT BUILD
"""

import pathlib
import shutil
import subprocess
import sys

VERSION = 14  # other versions lay out some lines differently
MAX_LINES = 600
FOLDERS = ["libmpx", "runner", "examples", "benchmarks", "tests"]
SKIPPED = 77


def main(root):
    files = [p for folder in FOLDERS for p in (root / folder).rglob("*")
             if p.suffix in (".hpp", ".cpp")]
    status = 0
    for path in files:
        lines = path.read_text().count("\n")
        if lines > MAX_LINES:
            print(f"{path.relative_to(root)}: {lines} lines; split it (at most {MAX_LINES})")
            status = 1
    tool = shutil.which(f"clang-format-{VERSION}") or shutil.which("clang-format")
    version = tool and subprocess.run([tool, "--version"], capture_output=True, text=True).stdout
    if not tool or f"version {VERSION}." not in version:
        print(f"clang-format {VERSION} is not installed: format not checked")
        return status or SKIPPED
    run = subprocess.run([tool, "--dry-run", "-Werror", *map(str, files)],
                         capture_output=True, text=True)
    unformatted = [p for p in files if f"{p}:" in run.stderr]
    if unformatted:
        print("to mend: clang-format -i " + " ".join(str(p.relative_to(root)) for p in unformatted))
    return status or run.returncode


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
