#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pb-netsim does what its options say, and the same for the same seed.

usage: netsim.py PB-NETSIM
"""

import atexit
import re
import signal
import socket
import subprocess
import sys
import time

# no more than a socket keeps for who reads later
COUNT = 120
WATCHDOG = 30


class Proxy:
    def __init__(self, *options):
        self.target = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.target.bind(("127.0.0.1", 0))
        self.target.settimeout(WATCHDOG)
        self.process = subprocess.Popen(
            [sys.argv[1], "--to", str(self.target.getsockname()[1]),
             *options], stdout=subprocess.PIPE, text=True)
        atexit.register(self.process.kill)
        port = int(self.process.stdout.readline().split()[-1])
        self.source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.source.connect(("127.0.0.1", port))

    def send(self, count=COUNT, size=100):
        for number in range(count):
            self.source.send(b"%-*d" % (size, number))
            if number % 20 == 19:
                time.sleep(0.001)  # a socket's buffer is not without end

    def receive(self, count):
        return [int(self.target.recv(2048)) for _ in range(count)]

    def finish(self):
        """The counts of the way up."""
        self.process.send_signal(signal.SIGTERM)
        text = self.process.communicate(timeout=WATCHDOG)[0]
        self.source.close()
        self.target.close()
        up = re.search(r"up (.*)", text).group(1).split()
        return {key: int(value) for key, value in zip(up[::2], up[1::2])}


def through(*options, count=0):
    """Every number that came out, in order, and the counts: `count` of them,
    or all that came before a mark that followed them."""
    proxy = Proxy(*options)
    proxy.send()
    got = proxy.receive(count)
    proxy.target.settimeout(0.05)
    end = time.monotonic() + WATCHDOG
    while count == 0 and time.monotonic() < end:
        proxy.source.send(b"-1")  # which may be lost as well
        try:
            while got[-1:] != [-1]:
                got += proxy.receive(1)
            break
        except socket.timeout:
            pass
    return [n for n in got if n >= 0], proxy.finish()


def check_clean():
    got, counts = through()
    return got == list(range(COUNT)) and counts["lost"] == 0


def check_seed():
    one, _ = through("--loss", "20", "--seed", "5")
    same, _ = through("--loss", "20", "--seed", "5")
    other, _ = through("--loss", "20", "--seed", "6")
    return one == same != other and len(one) < COUNT


def check_burst():
    got, counts = through("--loss", "20", "--burst", "6", "--seed", "3")
    missing = sorted(set(range(COUNT)) - set(got))
    runs = [n for n in missing if n - 1 not in missing]
    return counts["lost"] >= 6 and all(
        n + i in missing or n + i >= COUNT for n in runs for i in range(6))


def check_duplicate():
    got, counts = through("--duplicate", "30")
    return (len(got) > COUNT + 15 and counts["duplicated"] >= len(got) - COUNT
            and sorted(set(got)) == list(range(COUNT)))


def check_reorder():
    got, counts = through("--reorder", "10", "--reorder-by", "40",
                          count=COUNT)
    return sorted(got) == list(range(COUNT)) != got and counts["held"] >= 5


def check_rate():
    """60 packets of 1000 octets at 800 kbit/s need 10 ms each."""
    proxy = Proxy("--rate", "800")
    begun = time.monotonic()
    proxy.send(60, 1000)
    proxy.receive(60)
    took = time.monotonic() - begun
    proxy.finish()
    return took > 0.55


def check_schedule():
    """One packet fills a slow line for ten seconds; half a second after it the
    line has no bound, and what comes then arrives."""
    proxy = Proxy("--rate", "8,0.5:0", "--queue", "1")
    proxy.send(1, 1250)
    begun = time.monotonic()
    proxy.send(3, 10)
    proxy.target.settimeout(0.02)
    got = []
    while not got and time.monotonic() < begun + WATCHDOG:
        proxy.send(1, 10)
        try:
            got = proxy.receive(1)
        except socket.timeout:
            pass
    took = time.monotonic() - begun
    counts = proxy.finish()
    return took > 0.4 and counts["full"] >= 3 and counts["lost"] == 0


def check_bad():
    for text in ("x", "1,2", "1,3:5,2:5", "-1", "3:4"):
        done = subprocess.run([sys.argv[1], "--to", "9", "--rate=" + text],
                              capture_output=True, timeout=WATCHDOG,
                              check=False)
        if done.returncode != 2:
            return False
    return True


CHECKS = {
    "a clean line changes nothing": check_clean,
    "the same seed loses the same packets": check_seed,
    "a burst loses packets in a row": check_burst,
    "duplicates come twice": check_duplicate,
    "reordering loses nothing": check_reorder,
    "a line has its rate": check_rate,
    "a schedule changes it, a full queue loses": check_schedule,
    "nonsense is refused": check_bad,
}


def main():
    print("1..%d" % len(CHECKS))
    bad = 0
    for number, (name, check) in enumerate(CHECKS.items(), 1):
        good = check()
        bad += not good
        print("%s %d %s" % ("ok" if good else "not ok", number, name),
              flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
