#!/usr/bin/env python3
"""Has Clang's thread-safety analysis compare what libmpx does with what its annotations say that mutexes
guard (mpx/detail/mutex.hpp).

usage: guarded.py ROOT BUILD

The time goes into the headers of others, so all sources of a folder are compiled as one, as in names.py.
"""

import pathlib
import shutil
import subprocess
import sys

import names


def find_compiler():
    return shutil.which("clang++-14") or shutil.which("clang++")


def problems(compiler, source, flags):
    """What the analysis finds in a source, or another reason for which it does not compile."""
    run = subprocess.run([compiler, "-fsyntax-only", "-ferror-limit=0", "-Wthread-safety", "-Werror=thread-safety",
                          str(source), *flags], capture_output=True, text=True)
    return run.stderr.strip() if run.returncode != 0 else ""


def main(root, build):
    compiler = find_compiler()
    if not compiler or not (build / names.COMMANDS).exists():
        print(f"clang++ or {names.COMMANDS} is missing: what mutexes guard is not checked")
        return names.SKIPPED
    library = root / "libmpx" / "src"
    texts = names.check_units(root, build, "guarded",
                              lambda source, flags: problems(compiler, source, flags),
                              lambda files: files[0].is_relative_to(library))
    found = [text for text in texts if text]
    print("\n".join(found) or f"guarded: all rules kept in {len(texts)} folders")
    return 1 if found or not texts else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
