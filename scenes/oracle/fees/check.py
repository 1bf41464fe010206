#!/usr/bin/env python3
"""Runs the cases worked by hand through a program that speaks format.md, the oracle unless another is named:
check.py [PROGRAM ARG...]. Ends with 1 at any difference."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    program = sys.argv[1:] or [sys.executable, os.path.join(HERE, "oracle.py")]
    with open(os.path.join(HERE, "cases_by_hand.json"), encoding="utf-8") as file:
        by_hand = json.load(file)
    lines = [json.dumps({"office_definition": office}) for office in by_hand["offices"]]
    lines += [json.dumps(entry["case"]) for entry in by_hand["cases"]]
    run = subprocess.run(program, input="\n".join(lines) + "\n", stdout=subprocess.PIPE, encoding="utf-8", check=True)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    wrong = abs(len(answers) - len(by_hand["cases"]))
    for entry, got in zip(by_hand["cases"], answers):
        want = {"id": entry["case"]["id"], **entry["expected"]}
        if got != want:
            wrong += 1
            print(f"{want['id']} ({entry['article']}): {entry['reasoning']}\n  by hand {want}\n  program {got}")
    print(f"{len(by_hand['cases'])} cases by hand, {wrong} differ")
    return 1 if wrong or not answers else 0


if __name__ == "__main__":
    sys.exit(main())
