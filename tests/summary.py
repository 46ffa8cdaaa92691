#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts what meson's tests did, down to the single check where the test says
so, and prints the one line that people and machines look for.

usage: summary.py [--status N] [--add FILE] LOG...

LOG is a testlog.json. `--status` is what `meson test` returned: other than 0
counts as a failure even where the logs know of none. `--add` appends this
run's counts to FILE; `--total FILE` prints the sum of all counts in it.
No test at all is a failure.
"""

import argparse
import json
import os
import re
import sys

FAILED = "failed: "
TAP = re.compile(
    r"^(\s*)(not )?ok\b(?:\s+(\d+))?\s*(?:-\s*)?([^#\n]*)"
    r"(?:#\s*(SKIP|TODO)\b[^\n]*)?", re.I)
CHECK = re.compile(
    r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.M)
UNITTEST = re.compile(
    r"^Ran (\d+) tests? in [^\n]*\n+(OK|FAILED)(?: \(([^)]*)\))?", re.M)


def count_tap(text):
    """(passed, failed, skipped), or None where the text is not TAP."""
    if not re.search(r"^1\.\.\d+", text, re.M):
        return None
    passed = failed = skipped = 0
    for line in text.splitlines():
        match = TAP.match(line)
        # What is indented is the detail of a line that will follow.
        if not match or match.group(1):
            continue
        word = (match.group(5) or "").upper()
        if word == "SKIP":
            skipped += 1
        elif match.group(2) and word != "TODO":
            failed += 1
        else:
            passed += 1
    return passed, failed, skipped


def explain_tap(text, lines=25):
    """The lines that failed, each with the comments that belong to it."""
    kept, more = [], 0
    for line in text.splitlines():
        if line.startswith("not ok") and "# TODO" not in line.upper():
            kept.append(line)
            more = lines
        elif more > 0 and line.startswith(("#", "Bail out!")):
            kept.append(line[:400])
            more -= 1
        elif line.startswith("Bail out!"):
            kept.append(line[:400])
        elif line.startswith("ok"):
            more = 0
    return kept


def name_failures(test):
    """A line for each check that failed, with the first reason that it gave;
    the name of the test alone where it says no more."""
    name = test.get("name", "?")
    lines = explain_tap(test.get("stdout") or "")
    found = []
    for line, after in zip(lines, lines[1:] + [""]):
        if line.startswith("not ok"):
            why = after.lstrip("# ") if after.startswith("#") else ""
            found.append("%s: %s" % (name, line) + (": " + why if why else ""))
    return [line[:300] for line in found] or \
        ["%s: %s" % (name, test.get("result", "?"))]


def count_check(text):
    """libcheck, which GstCheck prints."""
    hits = CHECK.findall(text)
    if not hits:
        return None
    checks = sum(int(hit[0]) for hit in hits)
    failed = sum(int(hit[1]) + int(hit[2]) for hit in hits)
    return checks - failed, failed, 0


def count_unittest(text):
    hits = UNITTEST.findall(text)
    if not hits:
        return None
    passed = failed = skipped = 0
    for ran, _, details in hits:
        fields = dict(re.findall(r"([a-z ]+)=(\d+)", details.replace(", ", ",")))
        bad = (int(fields.get("failures", 0)) + int(fields.get("errors", 0)) +
               int(fields.get("unexpected successes", 0)))
        skip = int(fields.get("skipped", 0))
        failed += bad
        skipped += skip
        passed += max(0, int(ran) - bad - skip)
    return passed, failed, skipped


def count_test(test):
    result = test.get("result", "ERROR")
    out = test.get("stdout") or ""
    err = test.get("stderr") or ""
    counts = (count_tap(out) or count_check(out) or
              count_unittest(out + "\n" + err) or (0, 0, 0))
    passed, failed, skipped = counts
    if result in ("OK", "EXPECTEDFAIL"):
        # The test as a whole is content, so a line that said otherwise is
        # no failure of ours; it counts nowhere else either.
        if passed + skipped == 0:
            passed = 1
        failed = 0
    elif result == "SKIP":
        if passed + failed + skipped == 0:
            skipped = 1
    elif failed == 0:
        failed = 1
    return passed, failed, skipped


def read_log(path):
    """One JSON object per line; a line that was cut short is a failure."""
    with open(path, encoding="utf-8", errors="replace") as handle:
        for line in handle:
            if not line.strip():
                continue
            try:
                yield json.loads(line)
            except ValueError:
                yield {"name": "a log line that cannot be read",
                       "result": "ERROR"}


def line_of(counts):
    return "%d passed, %d failed, %d skipped" % tuple(counts)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--status", type=int, default=0)
    parser.add_argument("--add")
    parser.add_argument("--total")
    parser.add_argument("logs", nargs="*")
    args = parser.parse_args()

    total = [0, 0, 0]
    names = []
    for log in args.logs:
        try:
            tests = list(read_log(log))
        except OSError as error:
            print("summary: no test log: %s" % error, file=sys.stderr)
            total[1] += 1
            continue
        for test in tests:
            counts = count_test(test)
            if counts[1]:
                # meson shows no TAP test's own words
                for line in explain_tap(test.get("stdout") or ""):
                    print(line)
                names.extend(name_failures(test))
            total = [a + b for a, b in zip(total, counts)]
    if args.total:
        with open(args.total, encoding="utf-8") as handle:
            for line in handle:
                if line.startswith(FAILED):
                    names.append(line[len(FAILED):].strip())
                    continue
                total = [a + int(b) for a, b in zip(total, line.split())]
    if args.status != 0 and total[1] == 0:
        names.append("meson test returned %d" % args.status)
        total[1] += 1
    if total[0] + total[1] == 0:
        names.append("no test ran")
        total[1] += 1
    # Before the sum is printed: the caller adds up runs, this one too.
    add = args.add or os.environ.get("PATCHBAY_SUMMARY")
    if add:
        with open(add, "a", encoding="utf-8") as handle:
            handle.write("%d %d %d\n" % tuple(total))
            # once more at the end of all: what is above may have been cut
            handle.writelines(FAILED + name + "\n" for name in names)
    for name in names:
        print(FAILED + name)
    print(line_of(total), flush=True)
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
