# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a script that reads the tree has found, as TAP."""


def report(checks):
    """Runs (sentence, function) pairs, each of which asserts; returns the exit code."""
    print(f"1..{len(checks)}")
    bad = 0
    for number, (sentence, check) in enumerate(checks, 1):
        try:
            check()
            print(f"ok {number} {sentence}")
        except AssertionError as e:
            bad += 1
            lines = "\n# ".join(str(e).splitlines())
            print(f"not ok {number} {sentence}\n# {lines}")
    return 1 if bad else 0
