#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pages of docs/ as HTML, for the server to show at /docs.

usage: render-docs.py CMARK DOCS FRAME VERSION OUT

CMARK (cmark-gfm, without --unsafe) turns Markdown into HTML: whatever stands
in the Markdown, no markup of its own comes out. Here headings get ids and a
list of contents, mentions of other pages and of sections become links, and
the frame is put around. Writes OUT/docs-index.html and OUT/docs-NAME.html.
"""

import html
import os
import re
import subprocess
import sys

# In the order of the list; what each is for.
PAGES = [
    ("operating", "Operating", "For who runs a server: installing, proxy, relay, firewall, logs, metrics, limits."),
    ("elements", "Elements", "For GStreamer: pipelines that run as they stand, properties, messages, faults."),
    ("browser", "Browser", "For web pages: a camera, a viewer or a control room in a few lines."),
    ("protocol", "Protocol", "What goes over the wire: tokens, HTTP, WebSocket, health, WHIP and WHEP."),
    ("security", "Security", "What is required, where it is done, and the test that tries it."),
    ("threat-model", "Threats", "What could happen, what stands against it, what remains."),
    ("performance", "Performance", "What was measured, and how to measure it again."),
]
NAMES = [name for name, _, _ in PAGES]
SHORT = {name: short for name, short, _ in PAGES}
PAGE = r"(?:docs/)?(%s)\.md" % "|".join(sorted(NAMES, key=len, reverse=True))
# `protocol.md`, sections 5 and 10 · `protocol.md` 5.5 · `protocol.md`
MENTION = re.compile(
    r"<code>%s</code>(,? (?:sections? )?(\d+(?:\.\d+)?)\b)?" % PAGE)
# section 6 · sections 4.4 · (5.5) · as in 5.4 · of 4.1
SECTION = re.compile(
    r"\b(sections? )(\d+(?:\.\d+)?)\b|(\(|\b(?:in|of) )(\d+\.\d+)\b")


def render(cmark, path):
    return subprocess.run(
        (cmark, "--to", "html", "--validate-utf8", "--extension", "table",
         path), capture_output=True, text=True, check=True,
        encoding="utf-8").stdout


def plain(markup):
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def slug(text):
    """As the forges make them, so that a link works there and here."""
    return re.sub(r" ", "-", re.sub(r"[^\w\- ]", "", text.lower()).strip())


class Page:
    """One page: its HTML, and the headings in it."""

    def __init__(self, name, markup):
        self.name = name
        self.headings = []  # (level, id, markup)
        self.ids = {}       # slug and number -> id
        self.markup = re.sub(r"<h([1-6])>(.*?)</h\1>", self.heading, markup,
                             flags=re.S)
        self.title = plain(self.headings[0][2])

    def heading(self, match):
        level, inner = int(match[1]), match[2]
        text = plain(inner)
        number = re.match(r"(\d+(?:\.\d+)?)\.? ", text)
        base = "section-" + number[1] if number else slug(text) or "section"
        name, n = base, 1
        while name in self.ids.values():
            n += 1
            name = "%s-%d" % (base, n)
        self.ids.setdefault(slug(text), name)
        if number:
            self.ids[number[1]] = name
        self.headings.append((level, name, inner))
        return '<h%d id="%s">%s</h%d>' % (level, name, inner, level)

    def contents(self):
        rows = [h for h in self.headings if h[0] in (2, 3)]
        if len(rows) < 2:
            return ""
        out, depth = [], 1
        for level, name, inner in rows:
            level = min(level, depth + 1)
            if level > depth:
                out.append("<ul>")
            elif out:
                out.append("</li>" + "</ul></li>" * (depth - level))
            depth = level
            out.append('<li><a href="#%s">%s</a>' % (
                name, re.sub(r"</?a\b[^>]*>", "", inner)))
        out.append("</li></ul>" * (depth - 1))
        return ('<nav class="contents" aria-label="On this page"><details>'
                "<summary>On this page</summary>\n%s\n</details></nav>"
                % "\n".join(out))


def address(pages, here, name, anchor=None):
    """Of a page, or of a place in it; None where there is no such place."""
    target = pages[name].ids.get(anchor) if anchor else None
    if anchor and target is None:
        return None
    return ("" if name == here else "/docs/" + name) + (
        "#" + target if target else "") or "/docs/" + name


def link_mentions(pages, page, text):
    """`protocol.md`, section 5: two links."""
    def replace(match):
        name, rest, number = match[1], match[2] or "", match[3]
        where = address(pages, page.name, name, number) if number else None
        out = ('<a href="%s">%s</a>' % (address(pages, page.name, name),
                                        SHORT[name]))
        if where:
            out += rest[:-len(number)] + '<a href="%s">%s</a>' % (where, number)
        else:
            out += rest
        return out
    return MENTION.sub(replace, text)


def link_sections(pages, page, text):
    def replace(match):
        lead, number = match[1] or match[3], match[2] or match[4]
        where = address(pages, page.name, page.name, number)
        return ('%s<a href="%s">%s</a>' % (lead, where, number) if where
                else match[0])
    return SECTION.sub(replace, text)


def rewrite_href(pages, page, tag):
    """A link to a file of docs/ goes to its page."""
    def replace(match):
        target = re.fullmatch(r"(?:\./|docs/)?([\w-]+)\.md(?:#(.*))?",
                              html.unescape(match[1]))
        if not target or target[1] not in pages:
            return match[0]
        where = address(pages, page.name, target[1], target[2])
        if where is None:
            raise SystemExit("docs/%s.md: no such place: %s" % (page.name,
                                                               match[1]))
        return 'href="%s"' % html.escape(where)
    return re.sub(r'href="([^"]*)"', replace, tag)


def link(pages, page):
    """Links in what people read: not in code, headings or other links."""
    markup = re.sub(r"<a [^>]*>",
                    lambda m: rewrite_href(pages, page, m[0]), page.markup)
    held = r"(<pre>.*?</pre>|<h[1-6] .*?</h[1-6]>|<a .*?</a>)"
    parts = re.split(held, markup, flags=re.S)
    markup = "".join(part if i % 2 else link_mentions(pages, page, part)
                     for i, part in enumerate(parts))
    held = held[:-1] + r"|<code>.*?</code>|<[^>]*>)"
    parts = re.split(held, markup, flags=re.S)
    return "".join(part if i % 2 else link_sections(pages, page, part)
                   for i, part in enumerate(parts))


def tidy_tables(markup):
    """A header without words is none; what is too wide scrolls by itself."""
    markup = re.sub(r"<thead>\s*<tr>(?:\s*<th[^>]*></th>)+\s*</tr>\s*</thead>\s*",
                    "", markup)
    markup = re.sub(r"<th[^>]*></th>", "<td></td>", markup)
    markup = markup.replace("<th>", '<th scope="col">')
    markup = markup.replace("<table>", '<div class="table"><table>')
    return markup.replace("</table>", "</table></div>")


def make_list(here):
    rows = [("", "Docs")] + [(name, short) for name, short, _ in PAGES]
    return "<ul>\n%s\n</ul>" % "\n".join(
        '<li><a href="/docs%s"%s>%s</a></li>' % (
            "/" + name if name else "",
            ' aria-current="page"' if name == here else "", short)
        for name, short in rows)


def make_index(pages):
    rows = ['<li><a href="/docs/%s">%s</a><p>%s</p></li>' % (
        name, html.escape(pages[name].title), html.escape(what))
        for name, _, what in PAGES]
    return ('<h1>Docs</h1>\n<p>The manual of the very version that this server '
            'runs.</p>\n<ul class="index">\n%s\n</ul>' % "\n".join(rows))


def main():
    cmark, docs, frame, version, out = sys.argv[1:6]
    there = sorted(f[:-3] for f in os.listdir(docs) if f.endswith(".md"))
    if there != sorted(NAMES):
        raise SystemExit("docs/ and the list in render-docs.py differ: %s" %
                         ", ".join(set(there) ^ set(NAMES)))
    with open(frame, encoding="utf-8") as handle:
        frame = handle.read()
    pages = {name: Page(name, render(cmark, os.path.join(docs, name + ".md")))
             for name in NAMES}

    def write(name, title, text, contents):
        fields = {"title": html.escape(title), "text": text,
                  "contents": contents, "version": html.escape(version),
                  "pages": make_list("" if name == "index" else name)}
        with open(os.path.join(out, "docs-%s.html" % name), "w",
                  encoding="utf-8") as handle:
            handle.write(re.sub(r"@(\w+)@", lambda m: fields[m[1]], frame))

    write("index", "Docs", make_index(pages), "")
    for name, page in pages.items():
        write(name, page.title, tidy_tables(link(pages, page)),
              page.contents())


main()
