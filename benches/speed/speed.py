#!/usr/bin/env python3
"""Measures how long a check takes: without a cache, with a cold one, with a warm one, beside git diff.

    benches/speed/speed.py BINARY REPOSITORY… [--ranges 4] [--runs 5] [--also OTHER_BINARY]

The ranges are single commits of the first-parent history, ten apart. All programs take turns in each
round, so that a busy machine is busy for all of them; the table shows medians. Processor time is user and
system time of all threads. Prints a Markdown table.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


def run(command):
    """Wall time, processor time (seconds), peak memory (MiB) and output."""
    with tempfile.TemporaryFile() as out:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        if process.returncode not in (0, 1, 3, 4):
            sys.exit(f"{command}: exit code {process.returncode}")
        return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out.read()


def git(repository, *arguments):
    command = ["git", "-C", repository, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("repositories", nargs="+")
    parser.add_argument("--ranges", type=int, default=4)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--also", help="another build, without a cache; its output must be the same")
    arguments = parser.parse_args()
    cache = pathlib.Path(tempfile.mkdtemp(prefix="threatgate-speed-"))
    rows = []
    for repository in arguments.repositories:
        files = len(git(repository, "ls-tree", "-r", "--name-only", "HEAD").splitlines())
        commits = git(repository, "rev-list", "--first-parent", "HEAD").split()
        measured = {}
        for head in commits[: arguments.ranges * 10 : 10]:
            given = ["check", "--repo", repository, "--base", f"{head}~1", "--head", head]
            given += ["--exact", "--format", "json"]
            kept = ["--cache-dir", str(cache)]
            programs = {
                "git diff": ["git", "-C", repository, "diff", "-M", f"{head}~1", head],
                "no cache": [arguments.binary, *given, "--no-cache"],
                "cold": [arguments.binary, *given, *kept],
                "warm": [arguments.binary, *given, *kept],
            }
            if arguments.also:
                programs["before"] = [arguments.also, *given]
            outputs = {}
            for _ in range(arguments.runs):
                for name, command in programs.items():
                    if name == "cold":
                        shutil.rmtree(cache, ignore_errors=True)
                    *numbers, output = run(command)
                    measured.setdefault(name, []).append(numbers)
                    if name != "git diff" and outputs.setdefault("first", output) != output:
                        sys.exit(f"{name}: another output for {head} of {repository}")
        rows.append((pathlib.Path(repository), files, measured))
    print("| repository | files | program | wall, ms | processor, ms | memory, MiB |")
    print("|---|---|---|---|---|---|")
    for path, files, measured in rows:
        name = path.parent.name if path.name == "repo" else path.name
        for program, numbers in measured.items():
            wall, used, memory = (statistics.median(column) for column in zip(*numbers))
            print(f"| {name} | {files} | {program} | {wall * 1000:.0f} | {used * 1000:.0f} | {memory:.0f} |")
    shutil.rmtree(cache, ignore_errors=True)


if __name__ == "__main__":
    main()
