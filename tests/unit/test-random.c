/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"

#define N_SYMBOLS 62

static int
symbol_index (char c)
{
  static const char all[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const char *found = strchr (all, c);

  g_assert_true (c != '\0' && found != NULL);

  return found - all;
}

/* 61 degrees of freedom: outside of 10 to 160 once in a thousand million runs
 * of a fair source. A byte taken modulo 62 would give about 9000 here. */
static void
check_chi_square (const guint *counts, guint n)
{
  double expected = (double) n / N_SYMBOLS, chi = 0;

  for (guint i = 0; i < N_SYMBOLS; i++) {
    double off = counts[i] - expected;

    chi += off * off / expected;
  }
  g_test_message ("chi-square %.1f", chi);
  g_assert_cmpfloat (chi, >, 10);
  g_assert_cmpfloat (chi, <, 160);
}

static void
test_passphrases_are_unbiased (void)
{
  const guint n_passphrases = 20000;
  guint all[N_SYMBOLS] = { 0 }, first[N_SYMBOLS] = { 0 };

  for (guint i = 0; i < n_passphrases; i++) {
    char *passphrase = pb_random_passphrase ();

    g_assert_cmpuint (strlen (passphrase), ==, PB_PASSPHRASE_LENGTH);
    for (guint j = 0; j < PB_PASSPHRASE_LENGTH; j++)
      all[symbol_index (passphrase[j])]++;
    first[symbol_index (passphrase[0])]++;
    pb_secret_free (passphrase);
  }
  check_chi_square (all, n_passphrases * PB_PASSPHRASE_LENGTH);
  check_chi_square (first, n_passphrases);
}

static void
test_passphrases_do_not_repeat (void)
{
  g_autoptr (GHashTable) seen =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < 10000; i++) {
    g_assert_true (g_hash_table_add (seen, pb_random_passphrase ()));
    g_assert_true (g_hash_table_add (seen, pb_random_id (16)));
  }
}

static void
test_ids_have_their_length (void)
{
  static const guint lengths[] = { 0, 1, 8, 16, 63, 64, 65, 200 };

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++) {
    g_autofree char *id = pb_random_id (lengths[i]);

    g_assert_cmpuint (strlen (id), ==, lengths[i]);
    for (guint j = 0; j < lengths[i]; j++)
      symbol_index (id[j]);
  }
}

static void
test_bytes_stay_where_they_belong (void)
{
  guint8 bytes[64] = { 0 };
  guint n_set = 0;

  pb_random_bytes (bytes + 8, 48);
  for (guint i = 0; i < 8; i++)
    g_assert_cmpuint (bytes[i] | bytes[56 + i], ==, 0);
  for (guint i = 8; i < 56; i++)
    n_set += bytes[i] != 0;
  g_assert_cmpuint (n_set, >, 30);
}

static void
test_secrets_are_compared (void)
{
  g_assert_true (pb_secret_equal ("", ""));
  g_assert_true (pb_secret_equal ("abc", "abc"));
  g_assert_false (pb_secret_equal ("abc", "abd"));
  g_assert_false (pb_secret_equal ("abc", "xbc"));
  g_assert_false (pb_secret_equal ("abc", "abcd"));
  g_assert_false (pb_secret_equal ("abcd", "abc"));
  g_assert_false (pb_secret_equal ("abc", ""));
  g_assert_false (pb_secret_equal (NULL, ""));
  g_assert_false (pb_secret_equal ("", NULL));
  g_assert_false (pb_secret_equal (NULL, NULL));
  pb_secret_free (NULL);
}

static void
test_delays_double_up_to_their_limit (void)
{
  const struct
  {
    guint n_doublings, ms;
  } cases[] = { { 0, 250 }, { 1, 500 }, { 5, 8000 }, { 6, 10000 },
    { G_MAXUINT, 10000 } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    for (guint n = 0; n < 1000; n++) {
      guint ms = pb_random_backoff (250, 10000, cases[i].n_doublings);

      g_assert_cmpuint (ms, <=, cases[i].ms);
      g_assert_cmpuint (ms, >=,
          (guint) (cases[i].ms * (1.0 - PB_BACKOFF_JITTER)));
    }
  g_assert_cmpuint (pb_random_backoff (0, 0, 3), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/random/passphrases-are-unbiased",
      test_passphrases_are_unbiased);
  g_test_add_func ("/random/passphrases-do-not-repeat",
      test_passphrases_do_not_repeat);
  g_test_add_func ("/random/ids-have-their-length", test_ids_have_their_length);
  g_test_add_func ("/random/bytes-stay-where-they-belong",
      test_bytes_stay_where_they_belong);
  g_test_add_func ("/random/delays-double-up-to-their-limit",
      test_delays_double_up_to_their_limit);
  g_test_add_func ("/random/secrets-are-compared", test_secrets_are_compared);

  return g_test_run ();
}
