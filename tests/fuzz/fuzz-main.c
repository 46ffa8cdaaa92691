/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "fuzz.h"

/* Runs a fuzz target as a test, where libFuzzer is not linked: every file of
 * the corpus, and simple mutations of each. The same every time, and bounded;
 * finding something new is libFuzzer's work (-Dfuzzers=true).
 *
 * usage: fuzz-NAME DIRECTORY [MUTATIONS]
 *        fuzz-NAME FILE            one input alone, such as a crash
 */

#define MUTATIONS_DEFAULT 200
#define STEPS_MAX 4
#define GROWTH_MAX 64

/* the next of a sequence that is the same everywhere (xorshift64*) */
static guint64
next (guint64 *state)
{
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;

  return *state * G_GUINT64_CONSTANT (2685821657736338717);
}

static guint
below (guint64 *state, guint limit)
{
  return limit > 0 ? (guint) ((next (state) >> 33) % limit) : 0;
}

/* From a block of exactly that size, so that a sanitizer sees a read beyond. */
static void
run (const guint8 *data, gsize size)
{
  guint8 *exact = g_memdup2 (data, size);

  LLVMFuzzerTestOneInput (exact != NULL ? exact : data, size);
  g_free (exact);
}

static void
mutate (GByteArray *bytes, guint64 *state)
{
  static const char interesting[] =
      "\"\\{}[],:.-_=/#?&%\0\x1f\x7f\x80\xff 09az";
  guint at = below (state, bytes->len);
  guint some = 1 + below (state, 16);
  guint n = MIN (some, bytes->len - at);
  guint8 byte = interesting[below (state, sizeof interesting - 1)];
  guint8 copy[16];

  switch (below (state, bytes->len > 0 ? 6 : 1)) {
    case 0: /* put a byte in */
      g_byte_array_append (bytes, &byte, 1);
      memmove (bytes->data + at + 1, bytes->data + at, bytes->len - at - 1);
      bytes->data[at] = byte;
      break;
    case 1: /* change a byte */
      bytes->data[at] = byte;
      break;
    case 2: /* turn a bit */
      bytes->data[at] ^= 1 << below (state, 8);
      break;
    case 3: /* take a piece out */
      g_byte_array_remove_range (bytes, at, n);
      break;
    case 4: /* say a piece twice, at the end */
      memcpy (copy, bytes->data + at, n);
      g_byte_array_append (bytes, copy, n);
      break;
    default: /* break off */
      g_byte_array_set_size (bytes, at);
      break;
  }
}

static void
run_file (const char *path, guint n_mutations)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  guint64 state;
  gsize size = 0;

  if (!g_file_get_contents (path, &text, &size, &error)) {
    g_printerr ("%s\n", error->message);
    exit (2);
  }
  run ((const guint8 *) text, size);

  state = G_GUINT64_CONSTANT (0x9e3779b97f4a7c15) ^ size;
  for (guint i = 0; i < n_mutations; i++) {
    g_autoptr (GByteArray) bytes = g_byte_array_sized_new (size + GROWTH_MAX);

    g_byte_array_append (bytes, (const guint8 *) text, size);
    for (guint step = 1 + below (&state, STEPS_MAX); step > 0; step--)
      mutate (bytes, &state);
    run (bytes->data, bytes->len);
  }
}

int
main (int argc, char **argv)
{
  guint n_mutations = argc > 2 ? atoi (argv[2]) : MUTATIONS_DEFAULT;
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) folder = NULL;
  const char *name;

  if (argc < 2) {
    g_printerr ("usage: %s DIRECTORY|FILE [MUTATIONS]\n", argv[0]);
    return 2;
  }
  if (g_file_test (argv[1], G_FILE_TEST_IS_REGULAR)) {
    run_file (argv[1], 0);
    return 0;
  }

  folder = g_dir_open (argv[1], 0, NULL);
  if (folder == NULL) {
    g_printerr ("%s: no such directory\n", argv[1]);
    return 2;
  }
  while ((name = g_dir_read_name (folder)) != NULL)
    g_ptr_array_add (names, g_build_filename (argv[1], name, NULL));
  if (names->len == 0) {
    g_printerr ("%s: an empty corpus tests nothing\n", argv[1]);
    return 2;
  }
  run ((const guint8 *) "", 0);
  for (guint i = 0; i < names->len; i++)
    run_file (names->pdata[i], n_mutations);
  g_print ("%u files, %u mutations of each\n", names->len, n_mutations);

  return 0;
}
