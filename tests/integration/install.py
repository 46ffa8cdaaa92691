#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `meson install` leaves behind: everything a packager and an application need, and a program built with nothing but that.
"""
import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from pbtest import environment, expect, need, run, test  # noqa: E402

# As patterns below the prefix; the library's folder differs from system to system.
WANTED = ["bin/patchbayd", "bin/pbctl", "include/pb-1.0/pb.h", "include/pb-1.0/core/pb-token.h", "include/pb-1.0/net/pb-client.h",
          "lib*/**/libpb-1.0.so.0", "lib*/**/pkgconfig/pb-1.0.pc", "lib*/**/gstreamer-1.0/libgstpatchbay.so",
          "lib/systemd/system/patchbayd.service", "lib/sysusers.d/patchbayd.conf", "share/doc/patchbay/examples/patchbayd.conf",
          "share/bash-completion/completions/pbctl", "share/man/man1/pbctl.1", "share/man/man8/patchbayd.8"]
INTROSPECTION = ["lib*/**/girepository-1.0/Pb-1.0.typelib", "share/gir-1.0/Pb-1.0.gir"]
PRIVATE = ["include/**/*private*", "lib*/**/libpbserver*", "lib*/**/libpbglue*"]
PROGRAM = r"""
#include <pb.h>
#include <string.h>

int
main (void)
{
  g_autoptr (GError) error = NULL;
  char *secret = pb_keyring_generate_secret ();
  g_autoptr (PbKeyring) keyring = pb_keyring_new (secret, &error);
  g_autoptr (PbToken) token = pb_token_new ("demo", PB_ROLE_PEER, "cam-wide", PB_DIRECTION_SEND, 2000);
  char *text = pb_keyring_sign (keyring, token);
  g_autoptr (PbToken) read = pb_keyring_verify (keyring, text, 1000, &error);
  g_autoptr (PbToken) late = pb_keyring_verify (keyring, text, 3000, NULL);

  if (read == NULL || late != NULL || strcmp (pb_token_get_stream (read), "cam-wide") != 0)
    return 1;
  g_print ("%.2s %s\n", text, pb_token_get_session (read));
  pb_secret_free (text);
  pb_secret_free (secret);
  return 0;
}
"""


def install(scope):
    """Installs into a folder of the test's own; the prefix inside it."""
    need("meson")
    dest = scope.path("dest")
    child = scope.run("install", ["meson", "install", "-C", os.environ["PATCHBAY_BUILDDIR"], "--no-rebuild", "--quiet", "--destdir", dest])
    expect(child.wait() == 0, child.tail())
    found = glob.glob(os.path.join(dest, "**", "bin", "patchbayd"), recursive=True)
    expect(len(found) == 1, f"one patchbayd below {dest}: {found}")
    return dest, os.path.dirname(os.path.dirname(found[0]))


def find(prefix, pattern):
    return glob.glob(os.path.join(prefix, pattern), recursive=True)


@test("an installation has what packagers and applications need, and nothing of the inside")
def test_files(scope):
    _, prefix = install(scope)
    wanted = WANTED + (INTROSPECTION if os.environ.get("PATCHBAY_INTROSPECTION") != "no" else [])
    missing = [pattern for pattern in wanted if not find(prefix, pattern)]
    expect(not missing, f"missing: {missing}")
    inside = [path for pattern in PRIVATE for path in find(prefix, pattern)]
    expect(not inside, f"not to be installed: {inside}")


@test("a program finds the library with pkg-config, and mints and verifies a token")
def test_program(scope):
    need("cc", "pkg-config")
    dest, prefix = install(scope)
    # What --destdir put in front of the prefix is not in the .pc file.
    origin = find(prefix, "lib*/**/pkgconfig/pb-1.0.pc")[0]
    with open(origin, encoding="utf-8") as f:
        text = f.read()
    where = prefix[len(dest):]
    expect(f"prefix={where}\n" in text, text)
    with open(scope.path("pb-1.0.pc"), "w", encoding="utf-8") as f:
        f.write(text.replace(f"prefix={where}\n", f"prefix={prefix}\n", 1))
    with open(scope.path("mint.c"), "w", encoding="utf-8") as f:
        f.write(PROGRAM)
    library = os.path.dirname(os.path.dirname(origin))
    compiler = scope.run("cc", ["sh", "-c", 'cc -Wall -Wextra -Werror -Wl,--allow-shlib-undefined -o "$1" "$2" $(pkg-config --cflags --libs pb-1.0)', "sh",
                                scope.path("mint"), scope.path("mint.c")], environment(PKG_CONFIG_PATH=os.path.dirname(scope.path("pb-1.0.pc"))))
    expect(compiler.wait() == 0, compiler.tail())
    more = {"LD_PRELOAD": os.environ["PATCHBAY_ASAN"]} if "PATCHBAY_ASAN" in os.environ else {}
    program = scope.run("mint", [scope.path("mint")], environment(LD_LIBRARY_PATH=library, **more))
    expect(program.wait() == 0, program.tail())
    expect("p_ demo" in program.tail(), program.tail())


run()
