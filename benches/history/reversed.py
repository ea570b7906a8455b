#!/usr/bin/env python3
"""Recall on real security fixes: from each fix back to its parent the control is lost, and the gate must say so.

A label (fixes.jsonl beside this file) counts as reported if a change of its kind is reported; which neighbouring kinds
are as right is in ALSO. Counted besides: changes of that kind in the file that the label names ("in place"), which is
too strict where one cause shows in another file, and runs that said anything at all but packages ("spoke").
Labels with "visible": false need a human and are left out, unless --invisible.
"""
import argparse
import collections
import json
import pathlib

import gate

HERE = pathlib.Path(__file__).resolve().parent

# Where a family may as well be told as another kind. The key is a kind or kind/family.
ALSO = {
    "auth": {"endpoint"},
    "auth/csp": {"infra"},
    "auth/headers": {"infra"},
    "auth/cookie": {"infra"},
    "crypto/encryption": {"data-model"},
    "crypto/timing": {"auth"},
    "data-model/exposure": {"auth", "endpoint", "sink"},
    "data-model/log": {"sink"},
    "data-model/mass-assignment": {"endpoint", "auth", "sink"},
    "sink/redirect": {"auth"},
    "sink/ssrf": {"egress"},
    "sink/validation": {"auth", "data-model", "endpoint"},
    "secret": {"infra"},
}


def accepted(label):
    """The kinds of change that tell this label."""
    kind = label["kind"]
    return {kind} | ALSO.get(kind, set()) | ALSO.get(f"{kind}/{label['family']}", set())


def judge(options, label):
    """Runs the gate from the fix back to its parent."""
    result = dict(label)
    directory = gate.repository(options.mirrors, label["repo"])
    if directory is None:
        return result | {"error": "no such repository in the folder"}
    parent = gate.git(directory, "rev-parse", "--verify", "--quiet", label["fix"] + "^1")
    if not parent:
        return result | {"error": "the commit or its parent is missing"}
    said = gate.check(options, directory, label["fix"], parent[0])
    if "error" in said:
        return result | said
    kinds, file = accepted(label), label["where"].split(":")[0]
    right = [change for change in said["changes"] if change["kind"] in kinds]
    return result | said | {
        "reported": bool(right),
        "in_place": any((change["path"] or "").startswith(file) for change in right),
        "spoke": any(change["kind"] != "dependency" for change in said["changes"]),
    }


def summary(title, results, key):
    """One line for each value of a key."""
    groups = collections.defaultdict(list)
    for result in results:
        groups[key(result)].append(result)
    rows = []
    for name, group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        count = {field: sum(bool(result.get(field)) for result in group) for field in ("reported", "in_place", "spoke")}
        rows.append([name, len(group), count["reported"], gate.percent(count["reported"], len(group)),
                     gate.percent(count["in_place"], len(group)), gate.percent(count["spoke"], len(group))])
    gate.table([title, "fixes", "reported", "recall", "in place", "spoke"], rows)
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    gate.arguments(parser)
    parser.add_argument("--labels", type=pathlib.Path, default=HERE / "fixes.jsonl")
    parser.add_argument("--kind", action="append", help="only this kind; may be repeated")
    parser.add_argument("--family", action="append", help="only this family; may be repeated")
    parser.add_argument("--language", action="append", help="only this language; may be repeated")
    parser.add_argument("--repo", action="append", help="only this repository; may be repeated")
    parser.add_argument("--invisible", action="store_true", help="also labels that only a human would see")
    parser.add_argument("--list", action="store_true", help="also list what was said of the reported ones")
    options = parser.parse_args()
    labels = [json.loads(line) for line in options.labels.read_text().splitlines() if line.strip()]
    for field in ("kind", "family", "language", "repo"):
        wanted = getattr(options, field)
        labels = [label for label in labels if not wanted or label[field] in wanted]
    if not options.invisible:
        labels = [label for label in labels if label["visible"]]

    results = gate.run(options, labels, lambda label: judge(options, label))
    failed = [result for result in results if "error" in result]
    results = [result for result in results if "error" not in result]
    summary("all", results, lambda result: "all")
    summary("kind", results, lambda result: result["kind"])
    summary("kind/family", results, lambda result: f"{result['kind']}/{result['family']}")
    summary("language", results, lambda result: result["language"])
    summary("shape", results, lambda result: result["shape"])
    print("Silent:")
    for result in results:
        if not result["reported"]:
            said = ", ".join(sorted({change["kind"] for change in result["changes"]})) or "nothing"
            print(f"  {result['repo']} {result['fix'][:12]}  {result['kind']}/{result['family']} ({result['language']}, "
                  f"{result['shape']}): {result['what']}  [{result['where']}; said {said}]")
    if options.list:
        print("\nReported:")
        for result in results:
            if result["reported"]:
                print(f"  {result['repo']} {result['fix'][:12]}  {result['kind']}/{result['family']}: {result['what']}")
                for change in result["changes"]:
                    if change["kind"] in accepted(result):
                        print(f"      {change['kind']} {change['change']}: {change['title']}  {change['path']}:{change['line']}")
    if failed:
        print("\nNot judged:")
        for result in failed:
            print(f"  {result['repo']} {result['fix'][:12]}: {result['error']}")


if __name__ == "__main__":
    main()
