"""Runs the gate over two revisions of a bare repository; shared by the scripts beside it."""
import concurrent.futures
import contextlib
import json
import pathlib
import shlex
import subprocess
import sys
import time

EXIT_CODES = {0, 1, 3, 4}  # pass or warn, block, review, incomplete


def arguments(parser):
    """Adds what both scripts take."""
    parser.add_argument("--gate", default="threatgate", help="the program, with further arguments if any")
    parser.add_argument("--mirrors", type=pathlib.Path, required=True,
                        help="folder of bare repositories: OWNER+NAME/repo or OWNER+NAME.git or OWNER/NAME")
    parser.add_argument("--workers", type=int, default=2, help="runs at a time (default 2)")
    parser.add_argument("--timeout", type=float, default=120, help="seconds a run may take (default 120)")
    parser.add_argument("--dump", type=pathlib.Path, help="write every result as a JSON line here")


def repository(mirrors, name):
    """The git directory of OWNER/NAME, or None."""
    flat = name.replace("/", "+", 1)
    for path in (mirrors / flat / "repo", mirrors / (flat + ".git"), mirrors / flat, mirrors / name, mirrors / (name + ".git")):
        for directory in (path / ".git", path):
            if (directory / "HEAD").is_file():
                return directory
    return None


def git(directory, *command):
    """The lines that a git command prints, or nothing if it fails."""
    done = subprocess.run(["git", "-C", str(directory), *command], capture_output=True, text=True, errors="replace")
    return done.stdout.splitlines() if done.returncode == 0 else []


def check(options, directory, base, head):
    """What the gate says of base..head: {"changes", "problems", "verdict", "seconds"} or {"error"}."""
    command = shlex.split(options.gate) + ["check", "--repo", str(directory), "--exact", "--base", base, "--head", head,
                                           "--format", "json"]
    start = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, timeout=options.timeout)
    except subprocess.TimeoutExpired:
        return {"error": f"took longer than {options.timeout:g} s"}
    except OSError as error:
        sys.exit(f"{command[0]}: {error}")
    if done.returncode not in EXIT_CODES:
        return {"error": f"exit code {done.returncode}: {done.stderr.decode(errors='replace').strip()[-200:]}"}
    try:
        report = json.loads(done.stdout)
    except ValueError:
        return {"error": "the output is no JSON"}
    changes = [{key: change.get(key) for key in ("kind", "change", "title", "path", "line", "severity", "verdict", "policy_rule", "deltas")}
               for change in report.get("changes", [])]
    return {"changes": changes, "verdict": report.get("verdict"), "seconds": round(time.monotonic() - start, 3)}


def run(options, jobs, work):
    """Applies `work` to every job, some at a time, and returns the results in the order of the jobs."""
    results = []
    with contextlib.ExitStack() as stack:
        dump = options.dump and stack.enter_context(options.dump.open("w"))
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(max_workers=options.workers))
        for number, result in enumerate(pool.map(work, jobs), 1):
            results.append(result)
            if dump:
                print(json.dumps(result, ensure_ascii=False), file=dump, flush=True)
            if sys.stderr.isatty() or number % 50 == 0:
                print(f"{number} of {len(jobs)}", end="\r" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)
    return results


def table(head, rows):
    """Prints rows below a head, columns aligned."""
    rows = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        cells = [cell.ljust(width) if column == 0 else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip())


def percent(part, whole):
    """A share for people."""
    return f"{100 * part / whole:.0f}%" if whole else "–"
