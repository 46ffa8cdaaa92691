#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records what one end of a WebRTC connection is told of the way (transport-wide congestion control), to test the rate estimator on.

usage: record.py PROGRAM SECONDS FILE.csv [NETSIM OPTION...]     PROGRAM: build/tests/elements/webrtc-adapt

Two real peers with real encoders, DTLS-SRTP and RTCP, and pb-netsim between them: its line has 1 Mbit/s, from the 14th second on 400 kbit/s, from
the 26th 1 Mbit/s again. Of the first SECONDS this is kept, all times in microseconds:

  feedback,NOW,RTT,LATE          a message: since the first, the round trip, and how many packets it tells of that were called lost
  packet,SENT,RECEIVED,SIZE      of that message: since the packet before (the first: since the first message), by the sender's and by the receiver's
                                 clock; `lost`; octets with all headers

tests/elements/rate-recorded.c gives it to the estimator, message by message, in no time.
"""
import os
import re
import subprocess
import sys

LINE = re.compile(r"rate (0x[0-9a-f]+): (feedback|packet),(-?\d+),(-?\d+),(\d+)$")


def main():
    program, seconds, path = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    env = dict(os.environ, GST_DEBUG="pbsrcsink:7", GST_DEBUG_NO_COLOR="1")
    run = subprocess.run([program, "--figures"] + sys.argv[4:], env=env, capture_output=True, text=True, check=True)
    print(run.stdout.strip())
    began, last_sent, last_received, rows = None, None, None, []
    for line in run.stderr.splitlines():
        found = LINE.search(line)
        if not found:
            continue
        kind, one, other, number = found.group(2), int(found.group(3)), int(found.group(4)), found.group(5)
        if began is None:
            began = last_sent = one
        if kind == "feedback":
            if one - began > seconds * 1e6:
                break
            rows.append(f"feedback,{one - began},{other},{number}")
            continue
        came = "lost"
        if other >= 0:
            came = str(other - (other if last_received is None else last_received))
            last_received = other
        rows.append(f"packet,{one - last_sent},{came},{number}")
        last_sent = one
    with open(path, "w", encoding="ascii") as f:
        f.write("\n".join([f"# {' '.join(sys.argv[4:]) or 'no loss'}"] + rows) + "\n")
    print(f"{len(rows)} lines")


if __name__ == "__main__":
    main()
