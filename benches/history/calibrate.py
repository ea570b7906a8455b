#!/usr/bin/env python3
"""What the policy asks for: of reversed security fixes that the gate tells, the share that reaches `review` or above, and of
ordinary commits the shares that reach `review` and `block`.

A fix is told if the report holds a change of its label's kind or a neighbouring one (see reversed.py). Only the policy and
the catalogue of threats decide the rest, so this is what to run before and after either is changed.
"""
import argparse
import collections
import json
import pathlib
import random

import gate
import ordinary
import reversed as fixes

ASKS = ("review", "block")
TARGETS = {"fixes at review or above": ">= 90%", "ordinary at review or above": "<= 3%", "ordinary at block": "<= 1%"}


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def sample(items, count, seed):
    """Some of the items, in their order."""
    chosen = set(random.Random(seed).sample(range(len(items)), min(count, len(items)))) if count else range(len(items))
    return [item for index, item in enumerate(items) if index in chosen]


def rules(results):
    """Which rules of the policy asked, in how many commits."""
    counts = collections.Counter()
    for result in results:
        counts.update({change["policy_rule"] for change in result["changes"] if change["verdict"] in ASKS})
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    gate.arguments(parser)
    parser.add_argument("--labels", type=pathlib.Path, default=fixes.HERE / "fixes.jsonl")
    parser.add_argument("--ordinary", type=pathlib.Path, help="a file of {\"repo\", \"sha\"} lines; otherwise sampled as ordinary.py does")
    parser.add_argument("--fixes", type=int, default=0, help="only so many fixes, chosen by the seed (default all)")
    parser.add_argument("--commits", type=int, default=40, help="ordinary commits of each repository, or of the file (default 40)")
    parser.add_argument("--of", type=int, default=600, help="sampled from as many newest ones (default 600)")
    parser.add_argument("--seed", default="threatgate")
    options = parser.parse_args()
    labels = sample([label for label in lines(options.labels) if label["visible"]], options.fixes, options.seed)
    if options.ordinary:
        commits = sample(lines(options.ordinary), options.commits, options.seed)
    else:
        commits = [commit for name in ordinary.REPOSITORIES for commit in ordinary.sample(options, name)]

    dump, options.dump = options.dump, None
    told = [result for result in gate.run(options, labels, lambda label: fixes.judge(options, label)) if result.get("reported")]
    plain = [result for result in gate.run(options, commits, lambda commit: ordinary.judge(options, commit)) if "error" not in result]
    if dump:
        dump.write_text("".join(json.dumps(result, ensure_ascii=False) + "\n" for result in told + plain))

    def share(name, results, verdicts):
        count = sum(result["verdict"] in verdicts for result in results)
        return [name, len(results), count, f"{100 * count / max(1, len(results)):.1f}%", TARGETS[name]]

    gate.table(["", "of", "count", "share", "target"], [
        share("fixes at review or above", told, ASKS),
        share("ordinary at review or above", plain, ASKS),
        share("ordinary at block", plain, ("block",)),
    ])
    print(f"\n{len(labels)} fixes, {len(told)} of them told; {len(plain)} ordinary commits\n")
    by_rule = {"fixes": rules(told), "ordinary": rules(plain)}
    gate.table(["rule that asked", "fixes", "ordinary"], [
        [rule, by_rule["fixes"][rule], by_rule["ordinary"][rule]] for rule in sorted(by_rule["fixes"] | by_rule["ordinary"])
    ])
    print("\nTold fixes below review:")
    for result in told:
        if result["verdict"] not in ASKS:
            print(f"  {result['repo']} {result['fix'][:12]}  {result['kind']}/{result['family']}: {result['what']}")
            for change in result["changes"][:3]:
                print(f"      {change['verdict']} {change['policy_rule']}: {change['title']}")
    print("\nOrdinary commits at review or above:")
    for result in plain:
        if result["verdict"] in ASKS:
            print(f"  {result['repo']} {result['sha'][:12]}  {result['subject']}  [{result['verdict']}]")
            for change in result["changes"]:
                if change["verdict"] in ASKS:
                    print(f"      {change['policy_rule']} ({change['severity']}): {change['title']}")


if __name__ == "__main__":
    main()
