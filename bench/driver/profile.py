"""Where the processor time of an operation goes: `perf` on the host, with the components' functions by name.

The host maps compiled components from files, and those are ELF with a symbol for each function. They name the functions
if the component was not stripped, so here components are built once more, with names.
"""

import bisect
import os
import re
import subprocess
import threading
from collections import Counter
from pathlib import Path

from driver import machine, operations
from driver.directory import Directory
from driver.load import Load
from driver.machine import ROOT, WORK
from driver.servers import Accord, components

HOME = WORK / "profile"


def profile(name: str, size: int, connections: int = 16, seconds: int = 5) -> None:
    """Prints which functions an operation spends the host's time in."""
    operation = next(one for one in operations.OPERATIONS if one.name == name)
    manifest = _with_names()
    directory = Directory(size, HOME / "state")
    with Accord(directory.state, manifest=manifest) as accord:
        one = Load(name, accord, operation.requests(directory, operations.sign_in(accord, directory)))
        one.run(connections, 1)
        thread = threading.Thread(target=one.run, args=(connections, seconds + 2))
        thread.start()
        data = HOME / "perf.data"
        # The clock and not cycles: virtual machines often have no counters.
        subprocess.run(
            ["perf", "record", "--quiet", "--event", "cpu-clock", "--freq", "1999", "--pid", str(accord.pid),
             "--output", data, "--", "sleep", str(seconds)], check=True)
        thread.join()
    text = subprocess.run(
        ["perf", "script", "--input", data, "--fields", "ip,sym,dso", "--show-mmap-events"],
        capture_output=True, text=True, check=True).stdout
    _print(name, text)


def _with_names() -> Path:
    """A manifest of the components with names, which it builds."""
    target = HOME / "target"
    packages = [flag for name in components() for flag in ("-p", f"accord-{name}")]
    subprocess.run(
        ["cargo", "build", "--locked", "--profile", "component", "--config", 'profile.component.strip="debuginfo"',
         "--target", "wasm32-wasip2", "--target-dir", target, *packages], cwd=ROOT, check=True,
        env=os.environ | {"ACCORD_KEEPS_NAMES": "1"})
    text = (ROOT / "spin.toml").read_text().replace('source = "target/', f'source = "{target}/')
    machine.write(HOME / "spin.toml", text)
    return HOME / "spin.toml"


class _Compiled:
    """The functions of a compiled component, by their place in its file."""

    def __init__(self, path: str):
        read = lambda what: subprocess.run(  # noqa: E731
            ["readelf", what, "--wide", path], capture_output=True, text=True, check=True).stdout
        text = int(re.search(r"\.text\s+PROGBITS\s+\S+ (\S+)", read("--section-headers"))[1], 16)
        found = re.findall(r":\s+([0-9a-f]+)\s+\d+ FUNC\s+\S+\s+\S+\s+\d+ (.*)", read("--symbols"))
        functions = sorted((text + int(value, 16), name) for value, name in found)
        self._places = [place for place, _ in functions]
        names = "\n".join(re.sub(r"^wasm\[\d+\]::function\[\d+\]::", "", name) for _, name in functions)
        self._names = subprocess.run(
            ["c++filt"], input=names, capture_output=True, text=True, check=True).stdout.splitlines()

    def function(self, place: int) -> str:
        at = bisect.bisect_right(self._places, place) - 1
        return self._names[at] if at >= 0 else "?"


def _part(place: str, function: str) -> str:
    """Which part of the whole a function belongs to. In the host all that is C is SQLite."""
    if place == "component":
        return "the component"
    if place.startswith("[kernel"):
        return "the kernel"
    if place.startswith(("libc.", "libm.", "[vdso]")):
        return "the C library"
    if "::" not in function or "rusqlite" in function:
        return "SQLite"
    if re.search("wasmtime|cranelift", function):
        return "wasmtime"
    return "the rest of the host: HTTP, tokio, its own"


def _print(name: str, script: str) -> None:
    maps: list[tuple[int, int, int, str]] = []
    compiled: dict[str, _Compiled] = {}
    functions: Counter[tuple[str, str]] = Counter()
    for line in script.splitlines():
        if mapped := re.search(r"\[0x([0-9a-f]+)\(0x([0-9a-f]+)\) @ (0x[0-9a-f]+|0) .*: r-xp (\S+\.cwasm)", line):
            start, length, offset = (int(mapped[at], 16) for at in (1, 2, 3))
            maps.append((start, start + length, offset, mapped[4]))
        elif sample := re.match(r"\s*([0-9a-f]+) (.*?) \(([^()]*)\)\s*$", line):
            address, function, place = int(sample[1], 16), sample[2], Path(sample[3]).name
            if place.endswith(".cwasm"):
                start, _, offset, path = next(one for one in reversed(maps) if one[0] <= address < one[1])
                compiled.setdefault(path, _Compiled(path))
                function, place = compiled[path].function(address - start + offset), "component"
            functions[place, function] += 1
    total = sum(functions.values())
    parts: Counter[str] = Counter()
    for (place, function), count in functions.items():
        parts[_part(place, function)] += count
    print(f"\n{name}: {total} samples")
    for part, count in parts.most_common():
        print(f"{count / total * 100:5.1f} %  {part}")
    print()
    for (place, function), count in functions.most_common(60):
        print(f"{count / total * 100:5.1f} %  {place:12.12}  {function[:150]}")
