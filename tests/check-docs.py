#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the pages list is what the code has: fault codes and their sentences, properties, fields of messages, options, keys."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "common"))
import pbchecks  # noqa: E402

ROOT = sys.argv[1]


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


def literals(text):
    """C string literals, those side by side as one."""
    return ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', run)) for run in re.findall(r'(?:"(?:[^"\\]|\\.)*"\s*)+', text)]


def faults():
    rows = re.findall(r'ROW \(\w+, "([\w-]+)", (TRUE|FALSE),\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)', read("gst", "core", "pb-fault.c"))
    return [(code, fatal == "TRUE", literals(text)[0]) for code, fatal, text in rows]


def check_faults():
    elements, protocol = read("docs", "elements.md"), read("docs", "protocol.md").partition("## 7.")[2].partition("## 8.")[0]
    assert len(faults()) > 20, "pb-fault.c is read"
    for code, fatal, sentence in faults():
        row = f"| `{code}` | {'yes' if fatal else ''} | {sentence} |"
        assert row in elements, f"docs/elements.md lacks the row {row}"
        assert code == "none" or f"`{code}`" in protocol, f"docs/protocol.md, section 7, lacks {code}"
    listed = re.findall(r"^\| `([\w-]+)` \| (?:yes)? \| ", elements.partition("| code | fatal |")[2], re.M)
    assert set(listed) == {code for code, _, _ in faults()}, "docs/elements.md lists a code that is none"


def check_properties():
    page = read("docs", "elements.md")
    sections = {"gstpbsrtbin-props.c": page.partition("## 2. pbsrtbin")[2].partition("## 3.")[0],
                "gstpbsignal.c": page.partition("## 3. pbsignal")[2].partition("## 4.")[0],
                "gstpbsrcsink-props.c": page.partition("## 8. pbsrcsink")[2]}
    for field in re.findall(r'"([a-z-]+)",\s*G_TYPE_', read("plugins", "webrtc", "pb-webrtc-end-figures.c")):
        assert f"`{field}`" in sections["gstpbsrcsink-props.c"], f"docs/elements.md does not tell of the field {field} of pbsrcsink's stats"
    for folder, name in (("srt", "gstpbsrtbin-props.c"), ("signal", "gstpbsignal.c"), ("webrtc", "gstpbsrcsink-props.c")):
        found = re.findall(r'g_param_spec_\w+ \(\s*"([\w-]+)"', read("plugins", folder, name))
        assert len(found) > 8, f"properties of {name} are found"
        for prop in found:
            assert f"`{prop}`" in sections[name], f"docs/elements.md does not tell of {name}'s {prop}"
        for field in re.findall(r'(?:gst_structure_new \("[\w/-]+",|,)\s*"([a-z-]+)",\s*G_TYPE_(?:UINT|UINT64|DOUBLE|STRING)',
                                read("plugins", folder, name)):
            assert f"`{field}`" in sections[name], f"docs/elements.md does not tell of the field {field} of {name}'s stats"


def check_messages():
    page, source = read("docs", "elements.md").partition("## 4.")[2].partition("## 5.")[0], read("gst", "glue", "pb-gst-message.c")
    names = set(re.findall(r'"(pb-[a-z]+)"', source))
    assert {"pb-session", "pb-peer", "pb-health", "pb-fault", "pb-tally"} <= names, f"{names}"
    for name in names:
        assert f"### `{name}`" in page, f"docs/elements.md does not tell of {name}"
    fields = set(re.findall(r'"([a-z_-]+)",\s*(?:G_TYPE_|GST_TYPE_|PB_TYPE_)', source)) | set(re.findall(r'\{ "([a-z_]+)", G_TYPE_', source))
    for field in fields - {"fault"}:
        assert f"`{field.replace('_', '-')}`" in page, f"docs/elements.md does not tell of the field {field}"


def check_server():
    page = read("docs", "operating.md") + read("signaling-server", "data", "patchbayd.conf")
    for group, key in re.findall(r'\{ "(\w+)", "([\w-]+)", KIND_', read("signaling-server", "pb-server-config.c")):
        assert re.search(rf"\b{re.escape(key)}\b", page), f"no page tells of [{group}] {key}"
    metrics = re.findall(r'(?:single|head) \(out, "(\w+)"', read("signaling-server", "pb-server-metrics.c"))
    assert len(metrics) > 10, "pb-server-metrics.c is read"
    for metric in metrics:
        assert f"patchbay_{metric}" in page, f"docs/operating.md does not tell of the metric {metric}"
    events = re.findall(r'\{ PB_SERVER_AUDIT_\w+,\s*"(\w+)"', read("signaling-server", "pb-server-audit.c"))
    assert len(events) > 10, "pb-server-audit.c is read"
    for event in events:
        assert f"`{event}`" in page, f"docs/operating.md does not tell of the event {event}"


def check_manuals():
    for source, page in (("main.c", "patchbayd.8"),):
        manual = read("signaling-server", "data", page).replace("\\-", "-")
        for option in re.findall(r'^  \{ "([\w-]+)", ', read("signaling-server", source), re.M):
            assert f"--{option}" in manual, f"{page} does not tell of --{option}"
    manual = read("signaling-server", "data", "pbctl.1").replace("\\-", "-")
    for command in re.findall(r'^  \{ "(\w+)", ', read("signaling-server", "cli", "pb-ctl-main.c"), re.M):
        assert f"pbctl {command}" in manual, f"pbctl.1 does not tell of {command}"


CHECKS = [("every fault code stands in the docs with its sentence", check_faults), ("every property is in docs/elements.md", check_properties),
          ("every bus message and field is in docs/elements.md", check_messages), ("every key, metric and event of the server is documented", check_server),
          ("the manual pages tell of every option and command", check_manuals)]
sys.exit(pbchecks.report(CHECKS))
