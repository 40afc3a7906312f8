#!/usr/bin/env python3
"""Checks that mpx-run, its --help, its man page and its completion know the same options.

usage: options_agree.py MPX_RUN MAN_PAGE COMPLETION
"""

import pathlib
import re
import subprocess
import sys
import unittest

OPTION = r"--?[A-Za-z][\w-]*"
COMPLETION, MAN_PAGE, MPX_RUN = (pathlib.Path(sys.argv.pop()) for _ in range(3))


def run(*arguments):
    return subprocess.run([MPX_RUN, *arguments], capture_output=True, text=True, timeout=30)


def help_options():
    """Option to whether a value follows it, from the left column of --help."""
    options = {}
    for line in run("--help").stdout.splitlines():
        head = re.match(r"\s+(-.*?)(\s{2,}|$)", line)
        if not head:
            continue
        for part in head.group(1).split(", "):
            option, _, value = part.partition(" ")
            options[option] = value != ""
        # "-n, --ranks N": what follows the last belongs to all.
        names = re.findall(OPTION, head.group(1))
        if len({options[name] for name in names}) == 2 and options[names[-1]]:
            options.update({name: True for name in names})
    return options


def man_options():
    options = {}
    for line in MAN_PAGE.read_text().splitlines():
        if not line.startswith(".It Fl "):
            continue
        names = re.findall(r"Fl (?:\\&(-))?([\w-]+)", line)
        value = re.search(r" (Ar|Cm) ", line) is not None
        options.update({f"-{dash}{name}": value for dash, name in names})
    return options


def completed_options():
    text = COMPLETION.read_text()
    options = {}
    for name, value in [("valued", True), ("plain", False)]:
        words = re.search(rf"_mpx_run_{name}='([^']*)'", text).group(1)
        options.update({option: value for option in words.split()})
    return options


class Options(unittest.TestCase):
    maxDiff = None

    def test_help_is_read(self):
        self.assertLessEqual({"-n": True, "--ranks": True, "--dry-run": False}.items(),
                             help_options().items())

    def test_the_man_page_has_those_of_help(self):
        self.assertEqual(help_options(), man_options())

    def test_the_completion_has_those_of_help(self):
        self.assertEqual(help_options(), completed_options())

    def test_mpx_run_takes_each(self):
        for option, value in {**help_options(), **man_options(), **completed_options()}.items():
            said = run(option, *(["1"] if value else []), "--help").stderr
            self.assertNotIn("unknown option", said, option)

    def test_help_fits_a_screen(self):
        lines = run("--help").stdout.splitlines()
        self.assertLessEqual(max(map(len, lines)), 80)
        self.assertLessEqual(len(lines), 50)


if __name__ == "__main__":
    unittest.main()
