#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pages as they lie in signaling-server/web: what they load, and how early.

usage: check-web.py ROOT [--write]

A page names every module that it will need in <link rel="modulepreload">, so
that a phone fetches them side by side and not one import after the other.
These lists are held against the imports; --write puts the right ones in.
"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "common"))
import pbchecks  # noqa: E402

WEB = os.path.join(sys.argv[1], "signaling-server", "web")
# What a page imports once it knows who is there: session.js has seen the token,
# and asks for all of one part or all of the other.
LATER = {"session.html": {"head": [], "operator-modules": ["page-operator.js"], "wall-modules": ["page-wall.js"]}}


def read(name):
    with open(os.path.join(WEB, name), encoding="utf-8") as f:
        return f.read()


def without_comments(text):
    return re.sub(r"(^|\s)//[^\n]*|/\*.*?\*/", r"\1", text, flags=re.S)


def imports(name):
    text = without_comments(read(name))
    return (re.findall(r"^(?:import|export)\b[^;'\"]*?['\"]\./([\w.-]+)['\"]", text, re.M),
            [one for call in re.findall(r"\bimport\(([^)]*(?:\([^)]*\)[^)]*)*)\)", text) for one in re.findall(r"['\"]\./([\w.-]+)['\"]", call)])


def graph(entries):
    """All that these import, at any depth, themselves first."""
    seen = []
    todo = list(entries)
    while todo:
        name = todo.pop(0)
        if name not in seen:
            seen.append(name)
            todo += imports(name)[0]
    return seen


def pages():
    return sorted(f for f in os.listdir(WEB) if f.endswith(".html"))


def wanted(page):
    """List by list: {"head": […], template's id: […]}"""
    entries = re.findall(r'<script type="module" src="/web/([\w.-]+)"', read(page))
    later = LATER.get(page, {"head": []})
    lists = {"head": graph(entries + later["head"])}
    for template, names in later.items():
        if template != "head":
            modules = [name for name in graph(names) if name not in lists["head"]]
            styles = [one for name in modules for one in re.findall(r"'/web/([\w.-]+\.css)'", without_comments(read(name)))]
            lists[template] = styles + modules
    # those of other modules are for what somebody may or may not open
    dynamic = {one for name in entries for one in imports(name)[1]}
    known = {one for names in later.values() for one in names}
    assert dynamic == known, f"{page}: LATER says {known}, its own module imports {dynamic}"
    # one module, and there is nothing to wait for
    if lists == {"head": entries} and len(entries) < 2:
        lists["head"] = []
    return lists


def links(names):
    how = {True: 'rel="preload" as="style"', False: 'rel="modulepreload"'}
    return "".join(f'<link {how[name.endswith(".css")]} href="/web/{name}">\n' for name in names)


def found(page):
    lists = {"head": []}
    text = read(page)
    for template, inner in re.findall(r'<template id="([\w-]+)">(.*?)</template>', text, re.S):
        if "modulepreload" in inner:
            lists[template] = re.findall(r'rel="(?:modulepreload|preload" as="style)" href="/web/([\w.-]+)"', inner)
            text = text.replace(inner, "")
    lists["head"] = re.findall(r'rel="modulepreload" href="/web/([\w.-]+)"', text)
    return lists


def check_preloads():
    for page in pages():
        want, have = wanted(page), found(page)
        for where in sorted(set(want) | set(have)):
            assert sorted(want.get(where, [])) == sorted(have.get(where, [])), (
                f"{page}, {where}: the list is not what is imported; tests/check-web.py . --write puts it right:\n{links(want.get(where, []))}")


def check_resources():
    listed = re.findall(r"<file[^>]*>([^<]+)</file>", read("patchbay.gresource.xml"))
    served = [f for f in os.listdir(WEB) if f.endswith((".js", ".css", ".svg", ".html")) and f != "docs.html"]
    assert sorted(listed) == sorted(served), f"patchbay.gresource.xml and the folder differ: {set(listed) ^ set(served)}"
    for page in pages():
        for name in re.findall(r'(?:href|src)="/web/([^"]+)"', read(page)):
            assert name in listed, f"{page}: there is no {name}"


def check_policy():
    """What the Content-Security-Policy would stop, found before a browser does."""
    for page in pages():
        text = read(page)
        for pattern, what in ((r"<style\b", "a style element"), (r"\sstyle=", "a style attribute"), (r"<script(?![^>]*\ssrc=)", "an inline script"),
                              (r"\son\w+=", "a handler in the markup"), (r"(?:src|href)=\"(?:https?:)?//", "something of another site")):
            assert not re.search(pattern, text), f"{page}: {what}"
        assert '<link rel="icon"' in text, f"{page}: without an icon browsers ask for one that is not there"


def write():
    for page in pages():
        text = read(page)
        for where, names in wanted(page).items():
            if where == "head":
                head, rest = text.split("</head>", 1)
                head = re.sub(r'<link rel="modulepreload"[^>]*>\n', "", head)
                text = head.replace('<script type="module"', links(names) + '<script type="module"', 1) + "</head>" + rest
            else:
                text = re.sub(rf'(<template id="{where}">\n).*?(</template>)', rf"\1{links(names)}\2", text, flags=re.S)
        with open(os.path.join(WEB, page), "w", encoding="utf-8") as f:
            f.write(text)


if sys.argv[2:] == ["--write"]:
    write()
    sys.exit(0)
CHECKS = [("every page preloads what it imports, and no more", check_preloads), ("every file of the pages is in the program", check_resources),
          ("no page wants what its policy forbids", check_policy)]
sys.exit(pbchecks.report(CHECKS))
