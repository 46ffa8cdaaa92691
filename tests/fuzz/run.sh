#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Lets every fuzz target of a build with -Dfuzzers=true search for a while:
#
#   tests/fuzz/run.sh BUILD_DIR [SECONDS [TARGET...]]
#
# What it finds interesting stays in BUILD_DIR/tests/fuzz/found-TARGET for the
# next run; what crashes is left beside it, and the exit code is 1.
set -u

here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || { sed -n '3,9s/^# \{0,1\}//p' "$0"; exit 2; }
where=$(cd "$1/tests/fuzz" && pwd) || exit 2
seconds=${2:-60}
[ $# -gt 2 ] && shift 2 || set -- $(cd "$here/corpus" && ls)

# A target waits for the processor at this priority, and libFuzzer counts that
# in: hence so long a timeout.
failed=0
for target in "$@"; do
  mkdir -p "$where/found-$target"
  echo "fuzz-$target: $seconds s"
  G_DEBUG=fatal-criticals G_SLICE=always-malloc \
  nice -n 15 "$where/fuzz-$target" \
    -max_total_time="$seconds" -max_len=4096 -timeout=60 -rss_limit_mb=1024 \
    -dict="$here/dictionary/$target.dict" -print_final_stats=1 \
    -artifact_prefix="$where/crash-$target-" \
    "$where/found-$target" "$here/corpus/$target" \
    >"$where/log-$target" 2>&1 ||
    { failed=1; echo "fuzz-$target: FAILED, see $where/log-$target"; }
  grep -E 'stat::number_of_executed_units|stat::new_units_added' \
    "$where/log-$target"
done
exit $failed
