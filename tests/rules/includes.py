#!/usr/bin/env python3
"""Checks what includes what: layers point down, who uses a server does not include it, MPI stays in
transport/, headers with their .cpp form no cycle, and what public headers share with the library
has no container of std.

usage: includes.py ROOT
"""

import pathlib
import re
import sys

# From the bottom up; layers on one line are neighbours and may include each other.
LAYERS = [["core"], ["wire"], ["transport"], ["homes"], ["processes"], ["runtime"], ["endpoint"],
          ["objects", "process", "pool"]]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
# What serves others is reached by messages, or through the runtime.
SERVERS = re.compile(r"^(homes/.*|processes/supervisor\.hpp)$")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
CONTAINER = re.compile(r"\bstd::(vector|deque|list|forward_list|bitset|(unordered_)?(multi)?(map|set))<")
MPI = re.compile(r"^(mpi\.h|mpi-ext\.h|boost/mpi(\.hpp|/.*))$")


def sources(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix in (".hpp", ".cpp", ".h", ".ipp"))


def layer_of(include):
    name = include.split("/")[0]
    return name if "/" in include and name in LEVEL else None


def check_library(library):
    """Yields one line for each include in libmpx/ that breaks a rule."""
    public, private = library / "include", library / "src"
    for path in sources(public):
        for include in INCLUDE.findall(path.read_text()):
            where = f"{path.relative_to(library)}: {include}"
            if layer_of(include):
                yield f"{where}: a public header includes public headers only"
            if MPI.match(include) and path != public / "mpx" / "mpi.hpp":
                yield f"{where}: of the public headers only mpx/mpi.hpp names MPI"
    for path in sources(private):
        own = path.relative_to(private).parts[0]
        if own not in LEVEL:
            yield f"{path.relative_to(library)}: {own}/ is no layer that includes.py knows"
            continue
        for include in INCLUDE.findall(path.read_text()):
            where = f"{path.relative_to(library)}: {include}"
            layer = layer_of(include)
            if layer and LEVEL[layer] > LEVEL[own]:
                yield f"{where}: {own}/ lies below {layer}/ and must not include it"
            if SERVERS.match(include) and LEVEL[own] > LEVEL["runtime"]:
                yield f"{where}: what is above runtime/ knows kinds and bodies (wire/), no server"
            if MPI.match(include) and own != "transport":
                yield f"{where}: only transport/ names MPI"


def check_containers(library):
    """Yields one line for each container in detail/ that -D_GLIBCXX_DEBUG would make another type."""
    for path in sources(library / "include" / "mpx" / "detail"):
        if path.name.startswith("codec_") or path.name in ("sendable.hpp", "stable.hpp", "result_state.hpp"):
            continue  # containers of users' values
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = CONTAINER.search(line.split("//")[0])
            if found:
                yield (f"{path.relative_to(library)}:{number}: {found[0]}…>: the library shares it "
                       f"with programs: take stable::{found[1]}")


def check_cycles(library):
    """Yields one line for each cycle among the parts of libmpx/: a part is a header and its .cpp."""
    roots = [library / "include", library / "src"]
    files = [path for root in roots for path in sources(root)]
    headers = {}
    for path in files:
        if path.suffix != ".cpp":
            headers.setdefault(path.stem, []).append(path)

    def part_of(path):
        own = headers.get(path.stem, [])
        beside = [h for h in own if h.parent == path.parent]
        return (beside or own or [path])[0] if path.suffix == ".cpp" else path

    graph = {}
    for path in files:
        found = [r / i for i in INCLUDE.findall(path.read_text()) for r in roots]
        parts = {part_of(p) for p in found if p.exists()} - {part_of(path)}
        graph.setdefault(part_of(path), set()).update(parts)
    done = set()

    def visit(path, trail):
        if path in trail:
            names = [p.stem for p in trail[trail.index(path):] + [path]]
            yield "parts include each other: " + " -> ".join(names)
        elif path not in done:
            for other in sorted(graph.get(path, [])):
                yield from visit(other, trail + [path])
            done.add(path)

    for path in graph:
        yield from visit(path, [])


def check_runner(root):
    """Yields one line for each include by which mpx-run would depend on libmpx.

    probe.cpp is a program by itself, which mpx-run --doctor starts on the nodes.
    """
    for path in sources(root / "runner"):
        if path.name == "probe.cpp":
            continue
        for include in INCLUDE.findall(path.read_text()):
            if layer_of(include) or include.startswith("mpx/") or MPI.match(include):
                yield f"runner/{path.name}: {include}: mpx-run stands alone"


def check(root):
    library = root / "libmpx"
    return [*check_library(library), *check_containers(library), *check_cycles(library),
            *check_runner(root)]


if __name__ == "__main__":
    problems = check(pathlib.Path(sys.argv[1]))
    print("\n".join(problems) or "includes: all rules kept")
    sys.exit(1 if problems else 0)
