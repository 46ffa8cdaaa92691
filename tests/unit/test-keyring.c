/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "token-fixture.h"

#include "core/pb-limits.h"
#include "core/pb-random.h"

#define BASE "\"session\":\"a\",\"role\":\"peer\",\"exp\":1795374001"

static void
test_a_short_secret_is_refused (Fixture *f, gconstpointer unused)
{
  g_autofree char *text = g_strnfill (PB_SECRET_MIN - 1, 'x');
  g_autoptr (GError) error = NULL;

  g_assert_null (pb_keyring_new (text, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_null (pb_keyring_new (NULL, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
}

static void
test_a_hard_rotation_ends_every_token (Fixture *f, gconstpointer unused)
{
  g_autoptr (PbToken) claims =
      pb_token_new ("demo", PB_ROLE_ADMIN, NULL, PB_DIRECTION_NONE, NOW + 60);
  g_autofree char *first = pb_keyring_sign (f->keyring, claims);
  g_autofree char *second = NULL;
  g_autofree char *third = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (pb_keyring_rotate (f->keyring, SECRET_2, NOW + 3600, &error));
  second = pb_keyring_sign (f->keyring, claims);
  pb_token_unref (assert_taken (f, first));
  pb_token_unref (assert_taken (f, second));

  g_assert_true (pb_keyring_rotate (f->keyring, SECRET_3, 0, &error));
  third = pb_keyring_sign (f->keyring, claims);
  assert_refused (f, first, NOW, PB_ERROR_TOKEN_INVALID);
  assert_refused (f, second, NOW, PB_ERROR_TOKEN_INVALID);
  pb_token_unref (assert_taken (f, third));
}

static void
test_grace_ends_at_its_second (Fixture *f, gconstpointer unused)
{
  g_autoptr (PbToken) claims =
      pb_token_new ("demo", PB_ROLE_ADMIN, NULL, PB_DIRECTION_NONE, NOW + 3600);
  g_autofree char *first = pb_keyring_sign (f->keyring, claims);
  g_autofree char *second = NULL;
  g_autofree char *third = NULL;

  g_assert_true (pb_keyring_rotate (f->keyring, SECRET_2, NOW + 20, NULL));
  second = pb_keyring_sign (f->keyring, claims);
  g_assert_true (pb_keyring_rotate (f->keyring, SECRET_3, NOW + 10, NULL));
  third = pb_keyring_sign (f->keyring, claims);
  {
    g_autoptr (PbToken) old = assert_taken (f, first);
    g_autoptr (PbToken) new = assert_taken (f, third);

    g_assert_false (pb_keyring_is_current (f->keyring, old));
    g_assert_true (pb_keyring_is_current (f->keyring, new));
  }
  g_assert_cmpstr (first, !=, second);
  g_assert_cmpstr (second, !=, third);

  for (gint64 now = NOW; now < NOW + 30; now++) {
    g_autoptr (PbToken) a = pb_keyring_verify (f->keyring, first, now, NULL);
    g_autoptr (PbToken) b = pb_keyring_verify (f->keyring, second, now, NULL);
    g_autoptr (PbToken) c = pb_keyring_verify (f->keyring, third, now, NULL);

    g_assert_cmpint (a != NULL, ==, now < NOW + 20);
    g_assert_cmpint (b != NULL, ==, now < NOW + 10);
    g_assert_nonnull (c);
  }
  assert_refused (f, first, NOW + 20, PB_ERROR_TOKEN_INVALID);
}

static void
test_a_refused_rotation_changes_nothing (Fixture *f, gconstpointer unused)
{
  g_autoptr (PbToken) claims =
      pb_token_new ("demo", PB_ROLE_ADMIN, NULL, PB_DIRECTION_NONE, NOW + 60);
  g_autofree char *before = pb_keyring_sign (f->keyring, claims);
  g_autofree char *after = NULL;
  const char *const bad[] = { NULL, "", "short", SECRET };
  guint8 key[2][32];

  pb_keyring_derive (f->keyring, "x", key[0], 32);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (pb_keyring_rotate (f->keyring, bad[i], 0, &error));
    g_assert_error (error, PB_ERROR, PB_ERROR_INVALID);
  }
  after = pb_keyring_sign (f->keyring, claims);
  g_assert_cmpstr (before, ==, after);
  pb_token_unref (assert_taken (f, before));
  pb_keyring_derive (f->keyring, "x", key[1], 32);
  g_assert_cmpmem (key[0], 32, key[1], 32);
}

static void
test_keys_are_derived_as_rfc_5869_says (Fixture *f, gconstpointer unused)
{
  guint8 expected[32], key[32], other[32];

  hkdf_by_hand (SECRET, "patchbay passphrases", expected);
  pb_keyring_derive (f->keyring, "patchbay passphrases", key, sizeof key);
  g_assert_cmpmem (key, sizeof key, expected, sizeof expected);
  pb_keyring_derive (f->keyring, "patchbay passphrase", other, sizeof other);
  g_assert_cmpint (memcmp (key, other, sizeof key), !=, 0);
  /* a rotation derives anew */
  g_assert_true (pb_keyring_rotate (f->keyring, SECRET_2, NOW, NULL));
  pb_keyring_derive (f->keyring, "patchbay passphrases", other, sizeof other);
  hkdf_by_hand (SECRET_2, "patchbay passphrases", expected);
  g_assert_cmpmem (other, sizeof other, expected, sizeof expected);
}

static void
test_a_token_names_the_secret_that_signed (Fixture *f, gconstpointer unused)
{
  static const char form[] = "{" BASE ",\"kid\":\"%02x%02x%02x%02x\"}";
  g_autofree char *own = NULL;
  g_autofree char *foreign = NULL;
  g_autofree char *right = NULL;
  g_autofree char *wrong = NULL;
  guint8 kid[32];

  hkdf_by_hand (SECRET, "patchbay kid", kid);
  own = g_strdup_printf (form, kid[0], kid[1], kid[2], kid[3]);
  hkdf_by_hand (SECRET_2, "patchbay kid", kid);
  foreign = g_strdup_printf (form, kid[0], kid[1], kid[2], kid[3]);
  right = forge (SECRET, own);
  wrong = forge (SECRET, foreign);
  pb_token_unref (assert_taken (f, right));
  assert_refused (f, wrong, NOW, PB_ERROR_TOKEN_INVALID);
}

static void
test_reading_leaves_the_time_to_the_caller (Fixture *f, gconstpointer unused)
{
  g_autofree char *old = forge (SECRET, "{\"session\":\"demo\","
                                        "\"role\":\"peer\",\"exp\":1}");
  g_autofree char *foreign = forge (SECRET_2, "{" BASE "}");
  g_autoptr (PbToken) token = NULL;
  g_autoptr (PbToken) later = NULL;
  g_autoptr (GError) error = NULL;

  assert_refused (f, old, NOW, PB_ERROR_TOKEN_EXPIRED);
  token = pb_keyring_read (f->keyring, old, NOW, &error);
  g_assert_no_error (error);
  g_assert_cmpint (pb_token_get_expires (token), ==, 1);
  later = pb_token_with_expires (token, NOW + 60);
  g_assert_cmpint (pb_token_get_expires (later), ==, NOW + 60);
  g_assert_cmpint (pb_token_get_expires (token), ==, 1);
  g_assert_cmpstr (pb_token_get_session (later), ==, "demo");
  g_assert_cmpstr (pb_token_get_identity (later), ==,
      pb_token_get_identity (token));

  g_assert_null (pb_keyring_read (f->keyring, NULL, NOW, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_TOKEN_MISSING);
  g_clear_error (&error);
  g_assert_null (pb_keyring_read (f->keyring, foreign, NOW, &error));
  g_assert_error (error, PB_ERROR, PB_ERROR_TOKEN_INVALID);
}

static void
test_secrets_are_drawn (Fixture *f, gconstpointer unused)
{
  char *a = pb_keyring_generate_secret (), *b = pb_keyring_generate_secret ();
  g_autoptr (PbKeyring) keyring = pb_keyring_new (a, NULL);

  g_assert_nonnull (keyring);
  g_assert_cmpuint (strlen (a), ==, 64);
  g_assert_cmpstr (a, !=, b);
  pb_secret_free (a);
  pb_secret_free (b);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(path, function)                                                    \
  g_test_add (path, Fixture, NULL, set_up, function, tear_down)
  ADD ("/keyring/a-short-secret-is-refused", test_a_short_secret_is_refused);
  ADD ("/keyring/a-hard-rotation-ends-every-token",
      test_a_hard_rotation_ends_every_token);
  ADD ("/keyring/grace-ends-at-its-second", test_grace_ends_at_its_second);
  ADD ("/keyring/a-refused-rotation-changes-nothing",
      test_a_refused_rotation_changes_nothing);
  ADD ("/keyring/keys-are-derived-as-rfc-5869-says",
      test_keys_are_derived_as_rfc_5869_says);
  ADD ("/keyring/a-token-names-the-secret-that-signed",
      test_a_token_names_the_secret_that_signed);
  ADD ("/keyring/reading-leaves-the-time-to-the-caller",
      test_reading_leaves_the_time_to_the_caller);
  ADD ("/keyring/secrets-are-drawn", test_secrets_are_drawn);
#undef ADD

  return g_test_run ();
}
