/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-json.h"
#include "core/pb-limits.h"
#include "fuzz.h"

/* Whatever the strict reader takes json-glib must take, the three ways to read
 * must agree, and what is printed must be read again as the same. */

static void
check_members (JsonNode *node, const PbJsonMember *members, gsize n)
{
  JsonObject *object = json_node_get_object (node);

  FUZZ_CHECK (json_object_get_size (object) == n);
  for (gsize i = 0; i < n; i++) {
    const PbJsonMember *member = &members[i];
    g_autofree char *key = g_strndup (member->key, member->key_length);
    JsonNode *value;

    if (!member->is_plain)
      continue;
    FUZZ_CHECK (pb_json_find (members, n, key) == member);
    value = json_object_get_member (object, key);
    FUZZ_CHECK (value != NULL);
    if (member->kind == PB_JSON_STRING) {
      const char *text = json_node_get_string (value);

      FUZZ_CHECK (strlen (text) == member->value_length);
      FUZZ_CHECK (memcmp (text, member->value, member->value_length) == 0);
    } else if (member->kind == PB_JSON_INTEGER) {
      g_autofree char *digits = g_strndup (member->value, member->value_length);

      FUZZ_CHECK (json_node_get_value_type (value) == G_TYPE_INT64);
      FUZZ_CHECK (
          json_node_get_int (value) == g_ascii_strtoll (digits, NULL, 10));
    } else if (member->kind == PB_JSON_NUMBER) {
      FUZZ_CHECK (json_node_get_value_type (value) == G_TYPE_DOUBLE);
    }
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *) data;
  PbJsonMember members[PB_JSON_MEMBERS_MAX];
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = NULL, again = NULL;
  g_autofree char *printed = NULL;
  gboolean is_good, is_object;
  gsize n = 0;

  is_good = pb_json_check (text, size, &error);
  FUZZ_CHECK (is_good == (error == NULL));
  is_object =
      pb_json_scan (text, size, members, G_N_ELEMENTS (members), &n, NULL);
  FUZZ_CHECK (is_good || !is_object);
  if (!is_good)
    return 0;

  node = pb_json_parse (text, size, NULL);
  FUZZ_CHECK (node != NULL);
  FUZZ_CHECK (JSON_NODE_HOLDS_OBJECT (node) == is_object);
  if (is_object)
    check_members (node, members, n);

  /* escapes may make it longer than is read again */
  printed = pb_json_print (node);
  if (strlen (printed) > PB_JSON_SIZE_MAX)
    return 0;
  again = pb_json_parse (printed, -1, NULL);
  FUZZ_CHECK (again != NULL);
  FUZZ_CHECK (json_node_equal (node, again));

  return 0;
}
