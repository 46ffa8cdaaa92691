/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-error.h"
#include "core/pb-fault.h"

static void
test_every_fault_is_complete (void)
{
  for (PbFault fault = PB_FAULT_NONE; fault <= PB_FAULT_INTERNAL; fault++) {
    const char *code = pb_fault_get_code (fault);
    const char *sentence = pb_fault_get_sentence (fault);
    PbFault back = PB_FAULT_INTERNAL + 1;

    g_assert_true (g_regex_match_simple ("^[a-z]+(-[a-z]+)*$", code, 0, 0));
    g_assert_true (g_utf8_validate (sentence, -1, NULL));
    g_assert_true (g_regex_match_simple ("^[A-Z].{10,}\\.$", sentence, 0, 0));
    g_assert_true (pb_fault_from_code (code, &back));
    g_assert_cmpint (back, ==, fault);
  }
}

static void
test_unknown_codes_are_refused (void)
{
  static const char *const codes[] = { "", "newer", "Wrong-Passphrase",
    "wrong-passphrase ", NULL };
  PbFault out = PB_FAULT_DENIED;

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    g_assert_false (pb_fault_from_code (codes[i], &out));
  g_assert_cmpint (out, ==, PB_FAULT_DENIED);
  g_assert_cmpstr (pb_fault_get_code (PB_FAULT_INTERNAL + 1), ==, "internal");
}

static void
test_enum_has_every_fault (void)
{
  g_autoptr (GEnumClass) class = g_type_class_ref (PB_TYPE_FAULT);

  g_assert_cmpuint (class->n_values, ==, PB_FAULT_INTERNAL + 1);
  for (guint i = 0; i < class->n_values; i++)
    g_assert_cmpstr (class->values[i].value_nick, ==,
        pb_fault_get_code (class->values[i].value));
}

/* docs/protocol.md, section 7, lists the same codes, all but "none". */
static void
test_docs_have_every_fault (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) parts = NULL;
  g_autoptr (GError) error = NULL;
  char *section, *end;
  guint n = 0;

  g_file_get_contents (TEST_DATA "/../../docs/protocol.md", &text, NULL,
      &error);
  g_assert_no_error (error);
  section = strstr (text, "\n## 7. Fault codes\n");
  g_assert_nonnull (section);
  section = strstr (section, "sentence:");
  g_assert_nonnull (section);
  end = strstr (section, "\n## ");
  g_assert_nonnull (end);
  *end = '\0';
  parts = g_strsplit (section, "`", -1);
  for (guint i = 1; parts[i] != NULL && parts[i + 1] != NULL; i += 2) {
    PbFault fault;

    if (!pb_fault_from_code (parts[i], &fault))
      g_test_fail_printf ("the docs know a fault “%s”", parts[i]);
    g_assert_cmpint (fault, ==, n + 1);
    n++;
  }
  g_assert_cmpuint (n, ==, PB_FAULT_INTERNAL);
}

static void
test_some_are_fatal (void)
{
  /* a person has to act */
  g_assert_true (pb_fault_is_fatal (PB_FAULT_TOKEN_EXPIRED));
  g_assert_true (pb_fault_is_fatal (PB_FAULT_DENIED));
  g_assert_true (pb_fault_is_fatal (PB_FAULT_SESSION_CLOSED));
  g_assert_true (pb_fault_is_fatal (PB_FAULT_REPLACED));
  /* these mend themselves */
  g_assert_false (pb_fault_is_fatal (PB_FAULT_NONE));
  g_assert_false (pb_fault_is_fatal (PB_FAULT_PEER_ABSENT));
  g_assert_false (pb_fault_is_fatal (PB_FAULT_SERVER_UNREACHABLE));
  g_assert_false (pb_fault_is_fatal (PB_FAULT_SLOT_TAKEN));
}

static void
test_errors_become_faults (void)
{
  static const struct
  {
    PbError error;
    PbFault fault;
  } map[] = {
    { PB_ERROR_INVALID, PB_FAULT_SERVER_REFUSED },
    { PB_ERROR_TOKEN_MISSING, PB_FAULT_TOKEN_MISSING },
    { PB_ERROR_TOKEN_INVALID, PB_FAULT_TOKEN_INVALID },
    { PB_ERROR_TOKEN_EXPIRED, PB_FAULT_TOKEN_EXPIRED },
    { PB_ERROR_DENIED, PB_FAULT_DENIED },
    { PB_ERROR_NOT_FOUND, PB_FAULT_SESSION_UNKNOWN },
    { PB_ERROR_STREAM_TAKEN, PB_FAULT_SLOT_TAKEN },
    { PB_ERROR_EXPIRED, PB_FAULT_SESSION_EXPIRED },
    { PB_ERROR_FULL, PB_FAULT_SESSION_FULL },
    { PB_ERROR_VERSION, PB_FAULT_VERSION_MISMATCH },
    { PB_ERROR_UNAVAILABLE, PB_FAULT_SERVER_UNREACHABLE },
    { PB_ERROR_INTERNAL, PB_FAULT_SERVER_REFUSED },
  };
  g_autoptr (GError) foreign =
      g_error_new_literal (G_FILE_ERROR, G_FILE_ERROR_NOENT, "no");

  g_assert_cmpint (pb_fault_from_error (NULL), ==, PB_FAULT_NONE);
  g_assert_cmpint (pb_fault_from_error (foreign), ==,
      PB_FAULT_SERVER_UNREACHABLE);
  for (guint i = 0; i < G_N_ELEMENTS (map); i++) {
    g_autoptr (GError) error =
        g_error_new_literal (PB_ERROR, (int) map[i].error, "no");

    g_assert_cmpint (pb_fault_from_error (error), ==, map[i].fault);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fault/every-fault-is-complete",
      test_every_fault_is_complete);
  g_test_add_func ("/fault/unknown-codes-are-refused",
      test_unknown_codes_are_refused);
  g_test_add_func ("/fault/enum-has-every-fault", test_enum_has_every_fault);
  g_test_add_func ("/fault/docs-have-every-fault", test_docs_have_every_fault);
  g_test_add_func ("/fault/some-are-fatal", test_some_are_fatal);
  g_test_add_func ("/fault/errors-become-faults", test_errors_become_faults);

  return g_test_run ();
}
