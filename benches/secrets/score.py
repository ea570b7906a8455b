"""Scores outputs of tools on a folder of `generate.py`: recall, precision, and what was missed."""

import json
import sys


def lines(tool, file):
    text = open(file).read()
    if tool.startswith("threatgate"):
        for fact in json.loads(text)["facts"]:
            if fact["kind"] == "secret":
                yield fact["path"], fact["line"]
    elif tool.startswith("detect-secrets"):
        for path, found in json.loads(text)["results"].items():
            for one in found:
                yield path.removeprefix("./"), one["line_number"]
    else:
        for one in json.loads(text)["findings"]:
            one = one["finding"]
            yield one["path"].split("/files/")[-1], one["line"]


def main():
    folder, *outputs = sys.argv[1:]
    truth = {(t["path"], t["line"]): t for t in json.load(open(f"{folder}/truth.json"))}
    secrets = {at for at, t in truth.items() if t["secret"]}
    for output in outputs:
        tool, file = output.split("=", 1)
        found = set(lines(tool, file))
        true = found & secrets
        print(
            f"{tool}: recall {len(true)}/{len(secrets)} = {len(true) / len(secrets):.3f}, "
            f"precision {len(true)}/{len(found)} = {len(true) / max(1, len(found)):.3f}"
        )
        if tool == "threatgate":
            for at in sorted(secrets - found):
                print("  missed", at[0], truth[at]["format"])
            for at in sorted(found - secrets):
                print("  false", at[0], truth.get(at, {}).get("format"))


main()
