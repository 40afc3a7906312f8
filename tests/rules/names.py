#!/usr/bin/env python3
"""Checks names against .clang-tidy, over the sources of libmpx, mpx-run and the examples.

usage: names.py ROOT BUILD
"""

import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys

FOLDERS = ["libmpx", "runner", "examples"]
SKIPPED = 77


def main(root, build):
    tool = shutil.which("clang-tidy-14") or shutil.which("clang-tidy")
    commands = build / "compile_commands.json"
    if not tool or not commands.exists():
        print("clang-tidy or compile_commands.json is missing: names not checked")
        return SKIPPED
    files = sorted({entry["file"] for entry in json.loads(commands.read_text())})
    files = [f for f in files if any(pathlib.Path(f).is_relative_to(root / d) for d in FOLDERS)]

    def check(path):
        run = subprocess.run([tool, "--quiet", "-p", str(build), path],
                             capture_output=True, text=True)
        return path, run.returncode, run.stdout

    status = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for path, code, output in pool.map(check, files):
            if code:
                print(f"{pathlib.Path(path).relative_to(root)}:\n{output}")
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
