#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can be said about the source without running it.

usage: lint.py [CHECK...]     (all of them by default)

The format is checked on what changed against PATCHBAY_LINT_BASE (a commit;
by default where this branch left origin/main, on main itself the commit
before), so that a change of style rules does not rewrite the tree.
"""

import ast
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CODE = ("gst", "plugins", "signaling-server")

# Fixed samples, made for tests and pages; they open nothing.
SAMPLES = re.compile(r"^(tests/|docs/)")
SECRETS = [
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), None),
    ("a token", re.compile(r"\bp_[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_-]{43}\b"),
     SAMPLES),
    ("an API secret", re.compile(r"\bsk_[0-9a-f]{64}\b"), SAMPLES),
    ("an access key", re.compile(r"\bak_[A-Za-z0-9]{32}\b"), SAMPLES),
    ("a cloud key", re.compile(r"\bAKIA[0-9A-Z]{16}\b|\bghp_[A-Za-z0-9]{36}\b"),
     None),
]
# (files, pattern, why)
FORBIDDEN = [
    (r"\.[ch]$", r"^\s+goto\s", "no goto: g_autoptr frees"),
    (r"\.[ch]$", r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca)\s*\(",
     "unbounded or not reentrant"),
    # A test may end itself; a program may where there is no memory, as GLib does
    (r"^(?!tests/).*\.[ch]$", r"\bg_error\s*\((?![^;]*out of memory)",
     "g_error() ends the process"),
    (r"\.[ch]$", r"\b(g_random_int|g_random_double|rand|random|srand)\w*\s*\(\s*\)",
     "pb_random_bytes() is the only source of chance that decides something"),
    (r"\.[ch]$", r"sqlite3_exec\s*\([^;]*%", "SQL is prepared and bound"),
    (r"\.[ch]$", r"\"upnp\"\s*,\s*TRUE", "UPnP discovery stays off"),
    (r"\.[ch]$", r"\t", "a tab: two spaces"),
    (r".", r"(?<![\w/.])/(work|root|home/\w+)/", "a path of one machine"),
]


def git(*args):
    return subprocess.run(("git", "-C", ROOT) + args, capture_output=True,
                          text=True, check=False)


def tracked():
    """Every file that is or is about to be in the repository."""
    out = git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = [name for name in out.stdout.split("\0") if name]
    if not names:  # a tarball has no repository
        for folder, dirs, files in os.walk(ROOT):
            dirs[:] = [d for d in dirs if not d.startswith((".git", "build"))]
            names += [os.path.relpath(os.path.join(folder, f), ROOT)
                      for f in files]
    return sorted(n for n in set(names) if os.path.isfile(os.path.join(ROOT, n)))


def read(name):
    with open(os.path.join(ROOT, name), "rb") as handle:
        data = handle.read()
    return None if b"\0" in data[:4096] else data.decode("utf-8", "replace")


def check_format():
    """clang-format, on the lines that changed"""
    if not shutil.which("clang-format"):
        return None
    base = os.environ.get("PATCHBAY_LINT_BASE", "")
    if not base:
        base = git("merge-base", "HEAD", "origin/main").stdout.strip()
        if base == git("rev-parse", "HEAD").stdout.strip() or not base:
            base = "HEAD~1"
    if git("rev-parse", "--verify", "-q", base + "^{commit}").returncode != 0:
        return None
    diff = git("diff", "-U0", "--no-color", base, "--", "*.c", "*.h").stdout
    tool = shutil.which("clang-format-diff") or shutil.which(
        "clang-format-diff-14")
    if not tool:
        return None
    out = subprocess.run([tool, "-p1"], input=diff, cwd=ROOT,
                         capture_output=True, text=True, check=False)
    return out.stdout.splitlines()


def check_includes():
    """the arrows between rooms"""
    out = subprocess.run(
        [sys.executable, os.path.join(ROOT, "tests", "check-includes.py"),
         ROOT], capture_output=True, text=True, check=False)
    if out.returncode == 0:
        return []
    return [line[2:] for line in out.stdout.splitlines()
            if line.startswith("# ")]


def check_pages():
    """what the pages load, and how early"""
    out = subprocess.run(
        [sys.executable, os.path.join(ROOT, "tests", "check-web.py"), ROOT],
        capture_output=True, text=True, check=False)
    return [line for line in out.stdout.splitlines()
            if not line.startswith(("ok ", "1.."))] + out.stderr.splitlines()


def check_secrets():
    """nothing in the tree that opens a door"""
    found = []
    for name in tracked():
        text = read(name)
        if text is None:
            continue
        for what, pattern, spared in SECRETS:
            if spared and spared.match(name):
                continue
            for match in pattern.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                found.append("%s:%d: %s" % (name, line, what))
    return found


def check_rules():
    """what the house style forbids"""
    found = []
    for name in tracked():
        text = read(name)
        if text is None or name == "tests/lint.py":
            continue
        for files, pattern, why in FORBIDDEN:
            if not re.search(files, name):
                continue
            for match in re.finditer(pattern, text, re.M):
                line = text.count("\n", 0, match.start()) + 1
                whole = text.splitlines()[line - 1]
                if "lint: " in whole:  # the reason stands beside it
                    continue
                found.append("%s:%d: %s" % (name, line, why))
    return found


def check_scripts():
    """scripts that the interpreter can read"""
    found = []
    for name in tracked():
        full = os.path.join(ROOT, name)
        text = read(name)
        if text is None:
            continue
        first = text.split("\n", 1)[0]
        if name.endswith(".py") or (first.startswith("#!") and
                                    "python" in first):
            try:
                ast.parse(text, name)
            except SyntaxError as error:
                found.append("%s:%s: %s" % (name, error.lineno, error.msg))
        elif first.startswith("#!/") and first.endswith("sh"):
            shell = first[2:].split("/")[-1].split()[-1]
            shell = "dash" if shell == "sh" and shutil.which("dash") else shell
            out = subprocess.run([shell, "-n", full], capture_output=True,
                                 text=True, check=False)
            if out.returncode != 0:
                found.append(out.stderr.strip())
    return found


def check_cppcheck():
    """cppcheck: warnings and portability"""
    tool = shutil.which("cppcheck")
    if not tool:
        return None
    folders = [d for d in CODE if os.path.isdir(os.path.join(ROOT, d))]
    out = subprocess.run(
        [tool, "--quiet", "--enable=warning,portability", "--std=c11",
         "--inline-suppr", "--library=gtk", "--suppress=unknownMacro",
         "--suppress=missingInclude", "--suppress=syntaxError",
         # NULL is a pointer wherever GLib runs; and cppcheck does not know
         # what a GSource or a GTask takes over: leaks are the sanitizer's.
         "--suppress=varFuncNullUB", "--suppress=memleak",
         "-j", str(min(2, os.cpu_count() or 1)),
         "-D__GNUC__=12", "-DG_BEGIN_DECLS=", "-DG_END_DECLS=",
         "-I", "gst", "-I", "signaling-server", "-I", "plugins",
         "--template={file}:{line}: {severity}: {message} [{id}]",
         "--error-exitcode=1"] + folders,
        cwd=ROOT, capture_output=True, text=True, check=False)
    return [l for l in out.stderr.splitlines() if re.match(r"\S+:\d+: ", l)]


def check_flawfinder():
    """flawfinder: level 4 and 5"""
    tool = shutil.which("flawfinder")
    if not tool:
        return None
    folders = [d for d in CODE if os.path.isdir(os.path.join(ROOT, d))]
    out = subprocess.run(
        [tool, "--minlevel=4", "--quiet", "--dataonly", "--singleline",
         "--falsepositive"] + folders,
        cwd=ROOT, capture_output=True, text=True, check=False)
    return [l for l in out.stdout.splitlines() if re.match(r"\S+:\d+:", l)]


CHECKS = {
    "format": check_format,
    "includes": check_includes,
    "pages": check_pages,
    "rules": check_rules,
    "secrets": check_secrets,
    "scripts": check_scripts,
    "cppcheck": check_cppcheck,
    "flawfinder": check_flawfinder,
}


def main():
    names = sys.argv[1:] or list(CHECKS)
    bad = 0
    for name in names:
        if name not in CHECKS:
            print("lint: no such check: %s (%s)" % (name, ", ".join(CHECKS)),
                  file=sys.stderr)
            return 2
        found = CHECKS[name]()
        if found is None:
            print("lint: %-10s skipped: the tool or its base is not there" %
                  name)
            continue
        for line in found:
            print(line)
        print("lint: %-10s %s: %s" %
              (name, "ok" if not found else "%d found" % len(found),
               CHECKS[name].__doc__))
        bad += bool(found)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
