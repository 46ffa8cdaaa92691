/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "token-fixture.h"

#include "core/pb-limits.h"

static void
test_what_is_signed_is_read_back (Fixture *f, gconstpointer unused)
{
  g_autoptr (PbToken) claims = pb_token_new ("nab-floor", PB_ROLE_PEER,
      "cam-wide", PB_DIRECTION_SEND | PB_DIRECTION_OBSERVE, NOW + 60);
  g_autofree char *text = pb_keyring_sign (f->keyring, claims);
  g_autoptr (PbToken) token = assert_taken (f, text);

  g_assert_cmpstr (pb_token_get_session (token), ==, "nab-floor");
  g_assert_cmpint (pb_token_get_role (token), ==, PB_ROLE_PEER);
  g_assert_cmpstr (pb_token_get_stream (token), ==, "cam-wide");
  g_assert_cmpint (pb_token_get_directions (token), ==,
      PB_DIRECTION_SEND | PB_DIRECTION_OBSERVE);
  g_assert_cmpint (pb_token_get_expires (token), ==, NOW + 60);
  g_assert_cmpuint (strlen (pb_token_get_id (token)), ==, 16);
  g_assert_cmpstr (pb_token_get_id (token), ==, pb_token_get_id (claims));
  g_assert_cmpstr (pb_token_get_identity (token), ==, pb_token_get_id (claims));
  g_assert_cmpstr (pb_token_get_identity (claims), ==,
      pb_token_get_id (claims));
}

static void
test_the_wire_form_is_the_documented_one (Fixture *f, gconstpointer unused)
{
  g_autoptr (PbToken) claims = pb_token_new ("demo", PB_ROLE_PEER, "cam",
      PB_DIRECTION_RECEIVE, NOW + 60);
  g_autofree char *text = pb_keyring_sign (f->keyring, claims);
  g_autofree char *json = NULL;
  g_autofree char *expected = NULL;
  guint8 kid[32];

  hkdf_by_hand (SECRET, "patchbay kid", kid);
  json = g_strdup_printf ("{\"session\":\"demo\",\"role\":\"peer\","
                          "\"stream\":\"cam\",\"exp\":%" G_GINT64_FORMAT
                          ",\"perm\":[\"receive\"],\"jti\":\"%s\","
                          "\"kid\":\"%02x%02x%02x%02x\"}",
      NOW + 60, pb_token_get_id (claims), kid[0], kid[1], kid[2], kid[3]);
  expected = forge (SECRET, json);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_directions_follow_the_form (Fixture *f, gconstpointer unused)
{
  const int all =
      PB_DIRECTION_SEND | PB_DIRECTION_RECEIVE | PB_DIRECTION_OBSERVE;
  static const struct
  {
    const char *claims;
    int directions;
  } cases[] = {
    { "{\"session\":\"a\",\"role\":\"peer\",\"stream\":\"s\",\"exp\":%ld}",
        PB_DIRECTION_SEND | PB_DIRECTION_RECEIVE },
    { "{\"session\":\"a\",\"role\":\"peer\",\"stream\":null,\"exp\":%ld}",
        PB_DIRECTION_RECEIVE | PB_DIRECTION_OBSERVE },
    { "{\"session\":\"a\",\"role\":\"peer\",\"exp\":%ld}",
        PB_DIRECTION_RECEIVE | PB_DIRECTION_OBSERVE },
    { "{\"session\":\"a\",\"role\":\"peer\",\"exp\":%ld,\"perm\":[\"send\","
      "\"receive\"]}",
        PB_DIRECTION_RECEIVE },
    { "{\"session\":\"a\",\"role\":\"peer\",\"exp\":%ld,\"perm\":[\"send\"]}",
        PB_DIRECTION_NONE },
    { "{\"session\":\"a\",\"role\":\"peer\",\"exp\":%ld,\"perm\":null}",
        PB_DIRECTION_RECEIVE | PB_DIRECTION_OBSERVE },
    { "{\"session\":\"a\",\"role\":\"peer\",\"stream\":\"s\",\"exp\":%ld,"
      "\"perm\": [ \"observe\" , \"send\" ] }",
        PB_DIRECTION_OBSERVE | PB_DIRECTION_SEND },
    { "{\"session\":\"a\",\"role\":\"admin\",\"exp\":%ld}", -1 },
    { "{\"session\":\"a\",\"role\":\"admin\",\"stream\":null,\"exp\":%ld,"
      "\"perm\":[\"observe\"]}",
        -1 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (GStrv) parts = g_strsplit (cases[i].claims, "%ld", 2);
    g_autofree char *json = g_strdup_printf ("%s%" G_GINT64_FORMAT "%s",
        parts[0], NOW + 1, parts[1]);
    g_autofree char *text = forge (SECRET, json);
    g_autoptr (PbToken) token = assert_taken (f, text);

    g_assert_cmpint (pb_token_get_directions (token), ==,
        cases[i].directions == -1 ? all : cases[i].directions);
  }
}

static void
test_a_token_without_an_id_has_an_identity (Fixture *f, gconstpointer unused)
{
  g_autofree char *a = forge (SECRET,
      "{\"session\":\"a\",\"role\":\"peer\",\"exp\":1795374001}");
  g_autofree char *b = forge (SECRET,
      "{\"session\":\"a\",\"role\":\"peer\",\"exp\":1795374002}");
  g_autoptr (PbToken) first = assert_taken (f, a);
  g_autoptr (PbToken) again = assert_taken (f, a);
  g_autoptr (PbToken) other = assert_taken (f, b);
  g_autofree char *hash =
      g_compute_checksum_for_string (G_CHECKSUM_SHA256, a, -1);

  g_assert_null (pb_token_get_id (first));
  g_assert_cmpstr (pb_token_get_identity (first), ==, hash);
  g_assert_cmpstr (pb_token_get_identity (again), ==, hash);
  g_assert_cmpstr (pb_token_get_identity (other), !=, hash);
}

static void
test_it_ends_at_its_second (Fixture *f, gconstpointer unused)
{
  g_autoptr (PbToken) claims =
      pb_token_new ("demo", PB_ROLE_ADMIN, NULL, PB_DIRECTION_NONE, NOW);
  g_autofree char *text = pb_keyring_sign (f->keyring, claims);
  g_autoptr (PbToken) token =
      pb_keyring_verify (f->keyring, text, NOW - 1, NULL);

  g_assert_nonnull (token);
  assert_refused (f, text, NOW, PB_ERROR_TOKEN_EXPIRED);
  assert_refused (f, text, G_MAXINT64, PB_ERROR_TOKEN_EXPIRED);
}

static void
test_no_token_is_missing (Fixture *f, gconstpointer unused)
{
  assert_refused (f, NULL, NOW, PB_ERROR_TOKEN_MISSING);
}

static void
test_forms_that_are_refused (Fixture *f, gconstpointer unused)
{
  g_autoptr (PbToken) claims =
      pb_token_new ("demo", PB_ROLE_ADMIN, NULL, PB_DIRECTION_NONE, NOW + 60);
  g_autofree char *good = pb_keyring_sign (f->keyring, claims);
  const char *dot = strchr (good, '.');
  g_autofree char *payload = g_strndup (good + 2, dot - good - 2);
  const char *signature = dot + 1;
  char *bad[] = {
    g_strdup (""),
    g_strdup ("p_"),
    g_strdup ("p_."),
    g_strdup (good + 2),
    g_strdup_printf ("P_%s.%s", payload, signature),
    g_strdup_printf ("q_%s.%s", payload, signature),
    g_strdup_printf (" p_%s.%s", payload, signature),
    g_strdup_printf ("p_%s.%s ", payload, signature),
    g_strdup_printf ("p_%s.%s\n", payload, signature),
    g_strdup_printf ("p_%s.%s=", payload, signature),
    g_strdup_printf ("p_%s=.%s", payload, signature),
    g_strdup_printf ("p_%s==.%s", payload, signature),
    g_strdup_printf ("p_%s..%s", payload, signature),
    g_strdup_printf ("p_%s.%s.%s", payload, payload, signature),
    g_strdup_printf ("p_%s.%s.", payload, signature),
    g_strdup_printf ("p_%s.%s.%s", payload, signature, signature),
    g_strdup_printf ("p_.%s", signature),
    g_strdup_printf ("p_%s.%.42s", payload, signature),
    g_strdup_printf ("p_%s.%sA", payload, signature),
    g_strdup_printf ("p_%s%s", payload, signature),
    g_strdup_printf ("p_%s.", payload),
    g_strdup_printf ("p_%s", payload),
    /* what a JWT looks like */
    g_strdup_printf ("eyJhbGciOiJIUzI1NiJ9.%s.%s", payload, signature),
    g_strdup_printf ("p_eyJhbGciOiJIUzI1NiJ9.%s.%s", payload, signature),
    g_strdup_printf ("p_eyJhbGciOiJub25lIn0.%s.", payload),
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    assert_refused (f, bad[i], NOW, PB_ERROR_TOKEN_INVALID);
    g_free (bad[i]);
  }
  pb_token_unref (assert_taken (f, good));
}

/* Every character of a good token replaced by every other: in the payload that
 * breaks the signature, and in the signature the comparison. The last of its
 * 43 characters carries two spare bits: those four texts that decode to the
 * same octets are refused too. */
static void
test_no_other_text_is_good (Fixture *f, gconstpointer unused)
{
  static const char alphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. ";
  g_autoptr (PbToken) claims =
      pb_token_new ("d", PB_ROLE_ADMIN, NULL, PB_DIRECTION_NONE, NOW + 60);
  g_autofree char *text = pb_keyring_sign (f->keyring, claims);

  for (char *c = text; *c != '\0'; c++) {
    char was = *c;

    for (const char *a = alphabet; *a != '\0'; a++) {
      if (*a == was)
        continue;
      *c = *a;
      assert_refused (f, text, NOW, PB_ERROR_TOKEN_INVALID);
    }
    *c = (char) (was | 0x80);
    assert_refused (f, text, NOW, PB_ERROR_TOKEN_INVALID);
    *c = was;
  }
  pb_token_unref (assert_taken (f, text));
}

static void
test_spare_bits_of_the_payload_are_zero (Fixture *f, gconstpointer unused)
{
  /* one, two and three octets past a multiple of three */
  static const char *const claims[] = {
    "{\"session\":\"a\",\"role\":\"admin\",\"exp\":1795374001}",
    "{\"session\":\"ab\",\"role\":\"admin\",\"exp\":1795374001}",
    "{\"session\":\"abc\",\"role\":\"admin\",\"exp\":1795374001}",
  };
  static const char alphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  guint n_spare = 0;

  for (guint i = 0; i < G_N_ELEMENTS (claims); i++) {
    g_autofree char *payload = base64url (claims[i], strlen (claims[i]));
    g_autofree char *good = forge_payload (SECRET, payload);
    char *last = payload + strlen (payload) - 1;
    gsize value = strchr (alphabet, *last) - alphabet;
    guint spare = strlen (claims[i]) % 3 == 1   ? 15
                  : strlen (claims[i]) % 3 == 2 ? 3
                                                : 0;

    pb_token_unref (assert_taken (f, good));
    for (guint bits = 1; bits <= spare; bits++) {
      g_autofree char *bad = NULL;

      g_assert_cmpuint (value & spare, ==, 0);
      *last = alphabet[value | bits];
      bad = forge_payload (SECRET, payload);
      assert_refused (f, bad, NOW, PB_ERROR_TOKEN_INVALID);
      n_spare++;
    }
  }
  g_assert_cmpuint (n_spare, ==, 18);
}

static void
test_1024_characters_are_the_most (Fixture *f, gconstpointer unused)
{
  /* JSON may be padded with blanks to any length */
  for (guint n = 700; n < 760; n++) {
    g_autofree char *blanks = g_strnfill (n - 50, ' ');
    g_autofree char *claims = g_strdup_printf (
        "{\"session\":\"a\",\"role\":\"admin\",\"exp\":1795374001%s}", blanks);
    g_autofree char *text = forge (SECRET, claims);

    if (strlen (text) <= PB_TOKEN_MAX)
      pb_token_unref (assert_taken (f, text));
    else
      assert_refused (f, text, NOW, PB_ERROR_TOKEN_INVALID);
  }
}

static void
test_claims_that_are_refused (Fixture *f, gconstpointer unused)
{
#define BASE "\"session\":\"a\",\"role\":\"peer\",\"exp\":1795374001"
  static const char *const bad[] = {
    "",
    " ",
    "null",
    "[]",
    "{}",
    "\"x\"",
    "17",
    "{",
    "{" BASE,
    BASE "}",
    "{" BASE "}}",
    "{" BASE "} {}",
    "\xef\xbb\xbf{" BASE "}",
    /* lacking one */
    "{\"role\":\"peer\",\"exp\":1795374001}",
    "{\"session\":\"a\",\"exp\":1795374001}",
    "{\"session\":\"a\",\"role\":\"peer\"}",
    /* one too many */
    "{" BASE ",\"iat\":1}",
    "{" BASE ",\"alg\":\"none\"}",
    "{" BASE ",\"\":1}",
    "{" BASE ",\"Stream\":\"s\"}",
    "{" BASE ",\"strea\\u006d\":\"s\"}",
    /* twice: json-glib would take the last */
    "{" BASE ",\"role\":\"admin\"}",
    "{" BASE ",\"session\":\"b\"}",
    "{" BASE ",\"exp\":1895374001}",
    "{" BASE ",\"r\\u006fle\":\"admin\"}",
    /* session */
    "{\"session\":null,\"role\":\"peer\",\"exp\":1795374001}",
    "{\"session\":7,\"role\":\"peer\",\"exp\":1795374001}",
    "{\"session\":\"\",\"role\":\"peer\",\"exp\":1795374001}",
    "{\"session\":\".a\",\"role\":\"peer\",\"exp\":1795374001}",
    "{\"session\":\"a/b\",\"role\":\"peer\",\"exp\":1795374001}",
    "{\"session\":\"a\\u0000b\",\"role\":\"peer\",\"exp\":1795374001}",
    "{\"session\":\"\\u00e4\",\"role\":\"peer\",\"exp\":1795374001}",
    "{\"session\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "aaaaaaa\",\"role\":\"peer\",\"exp\":1795374001}",
    /* role */
    "{\"session\":\"a\",\"role\":null,\"exp\":1795374001}",
    "{\"session\":\"a\",\"role\":\"\",\"exp\":1795374001}",
    "{\"session\":\"a\",\"role\":\"Admin\",\"exp\":1795374001}",
    "{\"session\":\"a\",\"role\":\"adminx\",\"exp\":1795374001}",
    "{\"session\":\"a\",\"role\":\"observer\",\"exp\":1795374001}",
    "{\"session\":\"a\",\"role\":[\"admin\"],\"exp\":1795374001}",
    "{\"session\":\"a\",\"role\":true,\"exp\":1795374001}",
    /* exp */
    "{\"session\":\"a\",\"role\":\"peer\",\"exp\":null}",
    "{\"session\":\"a\",\"role\":\"peer\",\"exp\":\"1795374001\"}",
    "{\"session\":\"a\",\"role\":\"peer\",\"exp\":1795374001.5}",
    "{\"session\":\"a\",\"role\":\"peer\",\"exp\":1.795374001e9}",
    "{\"session\":\"a\",\"role\":\"peer\",\"exp\":0}",
    "{\"session\":\"a\",\"role\":\"peer\",\"exp\":-1}",
    "{\"session\":\"a\",\"role\":\"peer\",\"exp\":9007199254740992}",
    "{\"session\":\"a\",\"role\":\"peer\",\"exp\":9223372036854775808}",
    "{\"session\":\"a\",\"role\":\"peer\",\"exp\":99999999999999999999}",
    "{\"session\":\"a\",\"role\":\"peer\",\"exp\":1e400}",
    /* stream */
    "{" BASE ",\"stream\":\"\"}",
    "{" BASE ",\"stream\":7}",
    "{" BASE ",\"stream\":\"*\"}",
    "{" BASE ",\"stream\":[\"s\"]}",
    "{" BASE ",\"stream\":false}",
    "{\"session\":\"a\",\"role\":\"admin\",\"exp\":1795374001,"
    "\"stream\":\"s\"}",
    /* perm */
    "{" BASE ",\"perm\":[]}",
    "{" BASE ",\"perm\":\"send\"}",
    "{" BASE ",\"perm\":[\"Send\"]}",
    "{" BASE ",\"perm\":[\"sen\"]}",
    "{" BASE ",\"perm\":[\"sendx\"]}",
    "{" BASE ",\"perm\":[\"\"]}",
    "{" BASE ",\"perm\":[\"send\",\"send\"]}",
    "{" BASE ",\"perm\":[7]}",
    "{" BASE ",\"perm\":[null]}",
    "{" BASE ",\"perm\":[\"send\",true]}",
    "{" BASE ",\"perm\":[[\"send\"]]}",
    "{" BASE ",\"perm\":{}}",
    "{" BASE ",\"perm\":{\"send\":\"receive\"}}",
    "{" BASE ",\"perm\":[\"s\\u0065nd\"]}",
    "{" BASE ",\"perm\":[\"send\\\"\"]}",
    "{" BASE ",\"perm\":7}",
    /* jti, kid, gid, pid */
    "{" BASE ",\"jti\":\"\"}",
    "{" BASE ",\"jti\":\"0123456789abcde\"}",
    "{" BASE ",\"jti\":\"0123456789abcdef0\"}",
    "{" BASE ",\"jti\":\"0123456789abcd-f\"}",
    "{" BASE ",\"jti\":1234567890123456}",
    "{" BASE ",\"kid\":\"0123456\"}",
    "{" BASE ",\"kid\":\"0123456G\"}",
    "{" BASE ",\"kid\":\"0123456A\"}",
    "{" BASE ",\"kid\":\"00000000\"}",
    "{" BASE ",\"kid\":7}",
    "{" BASE ",\"gid\":\"\"}",
    "{" BASE ",\"pid\":\"\"}",
    "{" BASE ",\"gid\":\"0123456789abcdefg\"}",
    "{" BASE ",\"pid\":1}",
    "{" BASE ",\"pid\":\"ääääääääääääääääx\"}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *text = forge (SECRET, bad[i]);
    g_autoptr (GError) error = NULL;
    g_autoptr (PbToken) token =
        pb_keyring_verify (f->keyring, text, NOW, &error);

    if (token != NULL)
      g_test_fail_printf ("taken: %s", bad[i]);
    g_assert_error (error, PB_ERROR, PB_ERROR_TOKEN_INVALID);
  }
}

static void
test_claims_that_are_taken (Fixture *f, gconstpointer unused)
{
  static const char *const good[] = {
    "{" BASE "}",
    " {\n\t\"exp\" : 1795374001 , \"role\":\"peer\",\"session\" :\"a\"}\r\n",
    "{\"session\":\"\\u0061\",\"role\":\"p\\u0065er\",\"exp\":1795374001}",
    "{" BASE ",\"stream\":null,\"perm\":null,\"jti\":null,\"kid\":null,"
    "\"gid\":null,\"pid\":null}",
    "{" BASE ",\"jti\":\"0123456789abcdEF\"}",
    "{" BASE ",\"gid\":\"x\",\"pid\":\"ääääääääääääääää\"}",
    "{" BASE ",\"gid\":\"\\ud83d\\ude00\\\"0123456789abcd\"}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    g_autofree char *text = forge (SECRET, good[i]);
    g_autoptr (PbToken) token = assert_taken (f, text);

    g_assert_cmpstr (pb_token_get_session (token), ==, "a");
    g_assert_cmpint (pb_token_get_role (token), ==, PB_ROLE_PEER);
    g_assert_cmpint (pb_token_get_expires (token), ==, 1795374001);
    g_assert_null (pb_token_get_stream (token));
  }
}

static void
test_another_family_of_token_is_refused (Fixture *f, gconstpointer unused)
{
  static const char claims[] =
      "{\"session\":\"a\",\"role\":\"admin\",\"exp\":1795374001}";
  static const char *const labels[] = { "patchbay p_ token 2", "patchbay kid",
    "patchbay passphrases", "" };
  g_autofree char *payload = base64url (claims, strlen (claims));
  guint8 mac[32], key[32];
  guint n;

  for (guint i = 0; i <= G_N_ELEMENTS (labels); i++) {
    g_autofree char *signature = NULL;
    g_autofree char *text = NULL;

    if (i < G_N_ELEMENTS (labels)) {
      hkdf_by_hand (SECRET, labels[i], key);
      HMAC (EVP_sha256 (), key, sizeof key, (const guint8 *) payload,
          strlen (payload), mac, &n);
    } else { /* the secret itself, as Punch has it */
      HMAC (EVP_sha256 (), SECRET, strlen (SECRET), (const guint8 *) payload,
          strlen (payload), mac, &n);
    }
    signature = base64url (mac, sizeof mac);
    text = g_strdup_printf ("p_%s.%s", payload, signature);
    assert_refused (f, text, NOW, PB_ERROR_TOKEN_INVALID);
  }
}

static void
test_names (void)
{
  PbDirection direction = PB_DIRECTION_OBSERVE;

  g_assert_cmpstr (pb_role_get_name (PB_ROLE_ADMIN), ==, "admin");
  g_assert_cmpstr (pb_role_get_name (PB_ROLE_PEER), ==, "peer");
  g_assert_cmpstr (pb_direction_get_name (PB_DIRECTION_SEND), ==, "send");
  g_assert_true (pb_direction_from_name ("receive", &direction));
  g_assert_cmpint (direction, ==, PB_DIRECTION_RECEIVE);
  g_assert_false (pb_direction_from_name ("none", &direction));
  g_assert_false (pb_direction_from_name ("", &direction));
  g_assert_false (pb_direction_from_name (NULL, &direction));
  g_assert_cmpint (direction, ==, PB_DIRECTION_RECEIVE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(path, function)                                                    \
  g_test_add (path, Fixture, NULL, set_up, function, tear_down)
  ADD ("/token/what-is-signed-is-read-back", test_what_is_signed_is_read_back);
  ADD ("/token/the-wire-form-is-the-documented-one",
      test_the_wire_form_is_the_documented_one);
  ADD ("/token/directions-follow-the-form", test_directions_follow_the_form);
  ADD ("/token/one-without-an-id-has-an-identity",
      test_a_token_without_an_id_has_an_identity);
  ADD ("/token/it-ends-at-its-second", test_it_ends_at_its_second);
  ADD ("/token/none-is-missing", test_no_token_is_missing);
  ADD ("/token/forms-that-are-refused", test_forms_that_are_refused);
  ADD ("/token/no-other-text-is-good", test_no_other_text_is_good);
  ADD ("/token/spare-bits-of-the-payload-are-zero",
      test_spare_bits_of_the_payload_are_zero);
  ADD ("/token/1024-characters-are-the-most",
      test_1024_characters_are_the_most);
  ADD ("/token/claims-that-are-refused", test_claims_that_are_refused);
  ADD ("/token/claims-that-are-taken", test_claims_that_are_taken);
  ADD ("/token/another-family-is-refused",
      test_another_family_of_token_is_refused);
  g_test_add_func ("/token/names", test_names);
#undef ADD

  return g_test_run ();
}
