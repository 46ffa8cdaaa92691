/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <glib.h>

/* What every fuzz-*.c defines. */
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* What must hold whatever came; on in every build. */
#define FUZZ_CHECK(what)                                                       \
  do {                                                                         \
    if (!(what)) {                                                             \
      g_printerr ("%s:%d: not so: %s\n", __FILE__, __LINE__, #what);           \
      abort ();                                                                \
    }                                                                          \
  } while (0)
