#!/usr/bin/env python3
"""Checks names against .clang-tidy, over the sources of libmpx, mpx-run and the examples.

usage: names.py ROOT BUILD

clang-tidy spends its time on the headers of others. So all sources of a folder are checked as one:
two of them must not define the same name in their anonymous namespaces.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

SKIPPED = 77
COMMANDS = "compile_commands.json"
PROBLEM = re.compile(r"^.*(?:error|warning): .*\[(?:readability|clang-diagnostic)-.*$", re.MULTILINE)


def find_tool():
    return shutil.which("clang-tidy-14") or shutil.which("clang-tidy")


def problems(tool, config, source, flags):
    """The lines in which clang-tidy finds fault with a source and with the headers of this tree."""
    run = subprocess.run([tool, "--quiet", f"--config-file={config}", str(source), "--", *flags],
                         capture_output=True, text=True)
    found = list(dict.fromkeys(PROBLEM.findall(run.stdout)))
    if run.returncode != 0 and not found:
        found = [f"{source}: clang-tidy ends with {run.returncode}: {run.stdout}{run.stderr}"]
    return found


def flags_of(entry):
    """What the compiler is told of languages, macros and headers."""
    words = entry.get("arguments") or shlex.split(entry["command"])
    flags = []
    for word, after in zip(words, words[1:] + [""]):
        if word in ("-isystem", "-I", "-D"):
            flags.append(word + after)
        elif re.match(r"-[ID].|-std=", word):
            flags.append(word)
    return flags


def units(root, entries):
    """Name, files and compiler flags of what is checked as one."""
    folders = {}
    runner = root / "runner"
    for entry in entries:
        path = pathlib.Path(entry["file"])
        if path.suffix != ".cpp":
            continue
        if path.is_relative_to(root / "examples") or path in (runner / "main.cpp", runner / "probe.cpp"):
            yield path.stem, [path], flags_of(entry)  # each has a main of its own
        elif path.is_relative_to(root / "libmpx" / "src") or path.parent == runner:
            folders.setdefault(path.parent, {})[path] = flags_of(entry)
    for folder, files in folders.items():
        yield folder.name, sorted(files), next(iter(files.values()))
    library = [flags for folder, files in folders.items() for flags in files.values()
               if folder.is_relative_to(root / "libmpx")]
    if library:
        yield "headers", sorted((root / "libmpx" / "include").rglob("*.hpp")), library[0]


def check_units(root, build, folder, check, wanted=lambda files: True):
    """What `check(source, flags)` returns for each unit whose files are wanted, on all cores; a source
    includes the files of its unit, and lies in that folder of the build tree."""
    folder = build / folder
    folder.mkdir(exist_ok=True)

    def check_unit(unit):
        name, files, flags = unit
        source = folder / f"{name}.cpp"
        source.write_text("".join(f'#include "{path}"\n' for path in files))
        return check(source, flags)

    entries = json.loads((build / COMMANDS).read_text())
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(check_unit, (u for u in units(root, entries) if wanted(u[1]))))


def main(root, build):
    tool = find_tool()
    if not tool or not (build / COMMANDS).exists():
        print(f"clang-tidy or {COMMANDS} is missing: names not checked")
        return SKIPPED

    def check(source, flags):
        return problems(tool, root / ".clang-tidy", source, flags)

    found = {line: None for lines in check_units(root, build, "names", check) for line in lines}
    print("\n".join(found) or "names: all rules kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
