#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The links that the rate estimator is tested on.

usage: make-links.py [--check]     writes, or compares, the .csv beside it

Every draw is made here, once, from a seed, so that a test reads only numbers:

  at,MS,CAPACITY,DELAY,CROSS,FEEDBACK   from then on: kbit/s, ms one way, kbit/s
                                        of other traffic, 0 or 1
  queue,MS                              what the bottleneck holds
  packet,LOST,JITTER                    of the n-th packet, in turn: 0 or 1, µs
  frame,PERCENT                         of the mean: size of the n-th frame

tests/elements/rate-link.c drives the estimator over them.
"""

import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PACKETS = 2000


def frames(rng, count=50):
    """An encoder's: a keyframe each two seconds at 25 frames a second."""
    sizes = [rng.gauss(100, 12) for _ in range(count)]
    sizes[0] = 300
    mean = sum(sizes) / count
    return [max(20, round(size * 100 / mean)) for size in sizes]


def losses(rng, share, burst=1):
    left = 0
    out = []
    for _ in range(PACKETS):
        if left == 0 and rng.random() < share / burst:
            left = burst
        out.append(int(left > 0))
        left -= left > 0
    return out


def link(seed, steps, queue=500, loss=0.0, burst=1, jitter=None):
    rng = random.Random(seed)
    lines = ["at,%d,%d,%d,%d,%d" % step for step in steps]
    lines.append("queue,%d" % queue)
    jitter = jitter or (lambda r: r.uniform(0, 500))
    for lost in losses(rng, loss, burst):
        lines.append("packet,%d,%d" % (lost, max(0, jitter(rng))))
    for size in frames(rng):
        lines.append("frame,%d" % size)
    return "\n".join(lines) + "\n"


def wireless(seed):
    """Capacity that wanders between 0.8 and 2.4 Mbit/s, a step each 200 ms."""
    rng = random.Random(seed)
    capacity = 1600
    steps = []
    for at in range(0, 60000, 200):
        capacity += rng.gauss(0, 90) + (1600 - capacity) * 0.03
        capacity = min(2400, max(800, capacity))
        steps.append((at, round(capacity), 25, 0, 1))
    return steps


def even(*steps, delay=20):
    return [(at, capacity, delay, cross, feedback)
            for at, capacity, cross, feedback in steps]


LINKS = {
    "constant": lambda: link(1, even((0, 1000, 0, 1))),
    "wide": lambda: link(2, even((0, 20000, 0, 1))),
    "step-down-up": lambda: link(3, even(
        (0, 1000, 0, 1), (30000, 400, 0, 1), (60000, 1000, 0, 1))),
    "long-way": lambda: link(4, even((0, 1000, 0, 1), delay=150)),
    "loss-2": lambda: link(5, even((0, 2500, 0, 1)), loss=0.02),
    "loss-10": lambda: link(6, even((0, 2500, 0, 1)), loss=0.10),
    "policer": lambda: link(7, even(
        (0, 2000, 0, 1), (30000, 700, 0, 1)), queue=40),
    "burst-loss": lambda: link(8, even((0, 2000, 0, 1)), loss=0.02, burst=8),
    "jitter": lambda: link(9, even((0, 1500, 0, 1)),
                           jitter=lambda r: abs(r.gauss(0, 6000))),
    "reordering": lambda: link(
        10, even((0, 1500, 0, 1)),
        jitter=lambda r: 12000 if r.random() < 0.05 else r.uniform(0, 500)),
    "overtaken": lambda: link(
        14, even((0, 1500, 0, 1)),
        jitter=lambda r: 40000 if r.random() < 0.3 else r.uniform(0, 500)),
    "cross-traffic": lambda: link(11, even(
        (0, 2000, 0, 1), (25000, 2000, 1200, 1), (50000, 2000, 0, 1))),
    "feedback-lost": lambda: link(12, even(
        (0, 1500, 0, 1), (20000, 1500, 0, 0), (26000, 1500, 0, 1))),
    "wireless": lambda: link(13, wireless(13)),
}


def main():
    wrong = 0
    for name, make in LINKS.items():
        path = os.path.join(HERE, name + ".csv")
        text = make()
        if "--check" in sys.argv[1:]:
            with open(path, encoding="ascii") as handle:
                same = handle.read() == text
            wrong += not same
            print("%s %s is what make-links.py makes" %
                  ("ok" if same else "not ok", name))
        else:
            with open(path, "w", encoding="ascii") as handle:
                handle.write(text)
    if "--check" in sys.argv[1:]:
        print("1..%d" % len(LINKS))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
