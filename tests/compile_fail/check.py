#!/usr/bin/env python3
"""Compiles a file of mistakes, and checks that the compiler says the right thing about each.

usage: check.py SOURCE COMPILER ARGUMENTS...

A mistake begins at a line "// expect: TEXT" and goes on to the next one: the first error that comes
of it must have TEXT, and of further such lines right below each TEXT. Every error must come of a
mistake. A template's instance is complained of once, so no two mistakes may share one. A file
without mistakes must compile.
"""

import os
import re
import subprocess
import sys

EXPECT = re.compile(r"^\s*// expect: (.*)$")
HEAD = re.compile(r"^(In file included from |\S+: (In|At) )")


def mistakes(source):
    """(first line, texts) of each, and None where the next begins."""
    found, last = [], 0
    with open(source, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            match = EXPECT.match(line)
            if match and found and last == number - 1:
                found[-1][1].append(match[1])
                last = number
            elif match:
                found.append((number, [match[1]]))
                last = number
    return found


def errors(output, source):
    """(text, lines of the source that it comes of) of each."""
    place = re.compile(r"^" + re.escape(source) + r":(\d+):")
    found, lines, heading = [], [], False
    for line in output.splitlines():
        if HEAD.match(line):
            lines = lines if heading else []
            heading = True
        match = place.match(line)
        if ": error: " in line:
            found.append((line, [*lines, int(match[1])] if match else list(lines)))
            heading = False
        elif match and heading:
            lines.append(int(match[1]))
    return found


def main():
    source, *command = sys.argv[1:]
    result = subprocess.run([*command, source], env={**os.environ, "LC_ALL": "C"},
                            capture_output=True, text=True, check=False)
    wanted = mistakes(source)
    if not wanted:
        return f"{source} must compile, but:\n{result.stderr}" if result.returncode else 0
    ends = [first for first, _ in wanted[1:]] + [sys.maxsize]
    seen, failed = {}, []
    for text, lines in errors(result.stderr, source):
        of = {i for i, (first, _) in enumerate(wanted) for at in lines if first <= at < ends[i]}
        if not of:
            failed.append(f"an error that comes of no mistake: {text}")
        for i in of:
            seen.setdefault(i, text)
    for i, (first, texts) in enumerate(wanted):
        for text in texts:
            if text not in seen.get(i, ""):
                failed.append(f'{source}:{first}: not "{text}" but: {seen.get(i, "no error")}')
    return "\n".join([*failed, result.stderr]) if failed else 0


if __name__ == "__main__":
    sys.exit(main())
