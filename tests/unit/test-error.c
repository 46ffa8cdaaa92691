/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-error.h"

#define LAST PB_ERROR_UNAVAILABLE

static void
test_every_error_is_complete (void)
{
  static const char *const punch[] = { "SESSION_FULL", "SESSION_EXPIRED",
    "STREAM_TAKEN", "AUTH_FAILED", "INVALID_MESSAGE", "SERVER_ERROR", NULL };

  for (PbError code = PB_ERROR_INVALID; code <= LAST; code++) {
    guint status = pb_error_get_http_status (code);
    const char *sentence = pb_error_get_sentence (code);

    g_assert_cmpuint (status, >=, 400);
    g_assert_cmpuint (status, <=, 599);
    g_assert_true (
        g_regex_match_simple ("^[A-Z_]+$", pb_error_get_status (code), 0, 0));
    g_assert_true (
        g_regex_match_simple ("^[A-Z_]+$", pb_error_get_reason (code), 0, 0));
    g_assert_true (g_strv_contains (punch, pb_error_get_code (code)));
    g_assert_true (g_utf8_validate (sentence, -1, NULL));
    g_assert_true (g_regex_match_simple ("^[A-Z].{10,}\\.$", sentence, 0, 0));
  }
}

/* A row that is missing would answer with another one's reason. */
static void
test_reasons_lead_back (void)
{
  for (PbError code = PB_ERROR_INVALID; code <= LAST; code++) {
    g_assert_cmpint (pb_error_from_reason (pb_error_get_reason (code)), ==,
        code);
    for (PbError other = PB_ERROR_INVALID; other < code; other++)
      g_assert_cmpstr (pb_error_get_reason (code), !=,
          pb_error_get_reason (other));
  }
}

static void
test_what_is_unknown_is_internal (void)
{
  g_assert_cmpint (pb_error_from_reason ("NEWER"), ==, PB_ERROR_INTERNAL);
  g_assert_cmpint (pb_error_from_reason (""), ==, PB_ERROR_INTERNAL);
  g_assert_cmpint (pb_error_from_reason (NULL), ==, PB_ERROR_INTERNAL);
  g_assert_cmpuint (pb_error_get_http_status (LAST + 1), ==, 500);
  g_assert_cmpstr (pb_error_get_reason (LAST + 1), ==, "SERVER_ERROR");
}

static void
test_statuses_fit_their_class (void)
{
  static const struct
  {
    PbError code;
    guint status;
  } some[] = {
    { PB_ERROR_INVALID, 400 },
    { PB_ERROR_TOKEN_EXPIRED, 401 },
    { PB_ERROR_DENIED, 403 },
    { PB_ERROR_NOT_FOUND, 404 },
    { PB_ERROR_METHOD, 405 },
    { PB_ERROR_STREAM_TAKEN, 409 },
    { PB_ERROR_EXPIRED, 410 },
    { PB_ERROR_TOO_LARGE, 413 },
    { PB_ERROR_VERSION, 426 },
    { PB_ERROR_RATE, 429 },
    { PB_ERROR_UNAVAILABLE, 503 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (some); i++)
    g_assert_cmpuint (pb_error_get_http_status (some[i].code), ==,
        some[i].status);
  g_assert_cmpstr (g_quark_to_string (PB_ERROR), ==, "pb-error-quark");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/error/every-error-is-complete",
      test_every_error_is_complete);
  g_test_add_func ("/error/reasons-lead-back", test_reasons_lead_back);
  g_test_add_func ("/error/what-is-unknown-is-internal",
      test_what_is_unknown_is_internal);
  g_test_add_func ("/error/statuses-fit-their-class",
      test_statuses_fit_their_class);

  return g_test_run ();
}
