#!/usr/bin/env python3
"""How often the gate speaks on ordinary commits: a sample of recent commits of real repositories, none of them looked at before.

About one ordinary commit in ten is material to security. The share alone proves nothing: read the list, judge each change, and
turn every false alarm into a fixture. A sample depends on --seed, the newest commit of each mirror and the two numbers only.
"""
import argparse
import collections
import json
import pathlib
import random
import statistics
import sys

import gate

# Ten repositories of ten languages.
REPOSITORIES = [
    "indico/indico", "louislam/uptime-kuma", "documenso/documenso", "openobserve/openobserve", "woodpecker-ci/woodpecker",
    "DependencyTrack/dependency-track", "gotson/komga", "Squidex/squidex", "redmine/redmine", "invoiceninja/invoiceninja",
]


def sample(options, name):
    """Commits of one repository: `--commits` of the newest `--of`, chosen by the seed."""
    directory = gate.repository(options.mirrors, name)
    if directory is None:
        print(f"{name}: no such repository in the folder", file=sys.stderr)
        return []
    commits = gate.git(directory, "rev-list", "--no-merges", "-n", str(options.of), "HEAD")
    chosen = random.Random(f"{options.seed} {name}").sample(commits, min(options.commits, len(commits)))
    return [{"repo": name, "sha": sha} for sha in sorted(chosen)]


def judge(options, commit):
    """Runs the gate from a commit's parent to the commit."""
    directory = gate.repository(options.mirrors, commit["repo"])
    parent = directory and gate.git(directory, "rev-parse", "--verify", "--quiet", commit["sha"] + "^1")
    if not parent:
        return commit | {"error": "the commit or its parent is missing"}
    subject = gate.git(directory, "log", "-1", "--format=%s", commit["sha"])
    return commit | {"subject": subject[0] if subject else ""} | gate.check(options, directory, parent[0], commit["sha"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    gate.arguments(parser)
    parser.add_argument("repositories", nargs="*", default=REPOSITORIES, metavar="OWNER/NAME")
    parser.add_argument("--commits", type=int, default=200, help="commits of each repository (default 200)")
    parser.add_argument("--of", type=int, default=600, help="sampled from as many newest ones (default 600)")
    parser.add_argument("--seed", default="threatgate")
    parser.add_argument("--list", type=pathlib.Path, help="take the commits from a file of {\"repo\", \"sha\"} lines instead")
    parser.add_argument("--read", type=int, default=100, help="how many speaking commits to list, at random (default 100)")
    parser.add_argument("--kind", action="append", help="list only commits that speak in this kind; may be repeated")
    options = parser.parse_args()
    if options.list:
        commits = [json.loads(line) for line in options.list.read_text().splitlines() if line.strip()]
    else:
        commits = [commit for name in options.repositories for commit in sample(options, name)]

    results = gate.run(options, commits, lambda commit: judge(options, commit))
    failed = [result for result in results if "error" in result]
    results = [result for result in results if "error" not in result]
    kinds = sorted({change["kind"] for result in results for change in result["changes"]})
    groups = collections.defaultdict(list)
    for result in results:
        groups[result["repo"]].append(result)
    rows = []
    for name, group in [*groups.items(), ("all", results)]:
        speaks = [{change["kind"] for change in result["changes"]} for result in group]
        rows.append([name, len(group), gate.percent(sum(bool(kinds) for kinds in speaks), len(group)),
                     gate.percent(sum(bool(kinds - {"dependency"}) for kinds in speaks), len(group)),
                     *(gate.percent(sum(kind in kinds for kinds in speaks), len(group)) for kind in kinds)])
    gate.table(["repository", "commits", "speaks", "not only packages", *kinds], rows)
    if results:
        seconds = sorted(result["seconds"] for result in results)
        print(f"\nA run took {statistics.median(seconds):.2f} s in the middle, {seconds[int(len(seconds) * 0.95) - 1]:.2f} s at 95%, "
              f"{seconds[-1]:.2f} s at most.")

    speaking = [result for result in results
                if any(change["kind"] in options.kind if options.kind else change["kind"] != "dependency" for change in result["changes"])]
    random.Random(options.seed).shuffle(speaking)
    print(f"\nTo read ({min(options.read, len(speaking))} of {len(speaking)} that say more than packages):")
    for result in speaking[:options.read]:
        print(f"\n{result['repo']} {result['sha'][:12]}  {result['subject']}  [{result['verdict']}]")
        for change in result["changes"]:
            if change["kind"] != "dependency" and (not options.kind or change["kind"] in options.kind):
                print(f"  {change['kind']} {change['change']}: {change['title']}  {change['path']}:{change['line']}")
    if failed:
        print("\nNot judged:")
        for result in failed:
            print(f"  {result['repo']} {result['sha'][:12]}: {result['error']}")


if __name__ == "__main__":
    main()
