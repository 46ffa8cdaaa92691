/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* json-glib 1.6 prints 1e-8 as "1e-08.0", U+001F as it is, and 0.1 as
 * 0.10000000000000001: the first two are no JSON. So this prints. */

static void
print_string (GString *out, const char *text)
{
  static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";

  g_string_append_c (out, '"');
  for (const char *p = text; *p != '\0'; p++) {
    guchar c = *p;
    const char *found = strchr (escaped, c);

    if (found != NULL)
      g_string_append_printf (out, "\\%c", letters[found - escaped]);
    else if (c < 0x20 || c == 0x7f)
      g_string_append_printf (out, "\\u%04x", c);
    else
      g_string_append_c (out, c);
  }
  g_string_append_c (out, '"');
}

/* The shortest form that is read again as the same double, and never as an
 * integer. JSON has no other numbers than finite ones. */
static void
print_double (GString *out, double value)
{
  static const char *const formats[] = { "%.15g", "%.16g", "%.17g" };
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (!isfinite (value)) {
    g_string_append (out, "null");
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    double again;

    g_ascii_formatd (text, sizeof text, formats[i], value);
    again = g_ascii_strtod (text, NULL);
    if (memcmp (&again, &value, sizeof value) == 0)
      break;
  }
  g_string_append (out, text);
  if (strpbrk (text, ".e") == NULL)
    g_string_append (out, ".0");
}

static void
print_value (GString *out, JsonNode *node)
{
  switch (json_node_get_value_type (node)) {
    case G_TYPE_STRING:
      print_string (out, json_node_get_string (node));
      break;
    case G_TYPE_BOOLEAN:
      g_string_append (out, json_node_get_boolean (node) ? "true" : "false");
      break;
    case G_TYPE_DOUBLE:
      print_double (out, json_node_get_double (node));
      break;
    default:
      g_string_append_printf (out, "%" G_GINT64_FORMAT,
          json_node_get_int (node));
      break;
  }
}

/* Recurses as deep as the node is: what was parsed has PB_JSON_DEPTH_MAX
 * levels, what we make ourselves a handful. */
static void
print_node (GString *out, JsonNode *node)
{
  const char *separator = "";

  if (JSON_NODE_HOLDS_OBJECT (node)) {
    JsonObjectIter iter;
    const char *name;
    JsonNode *member;

    g_string_append_c (out, '{');
    json_object_iter_init_ordered (&iter, json_node_get_object (node));
    while (json_object_iter_next_ordered (&iter, &name, &member)) {
      g_string_append (out, separator);
      print_string (out, name);
      g_string_append_c (out, ':');
      print_node (out, member);
      separator = ",";
    }
    g_string_append_c (out, '}');
  } else if (JSON_NODE_HOLDS_ARRAY (node)) {
    JsonArray *array = json_node_get_array (node);

    g_string_append_c (out, '[');
    for (guint i = 0; i < json_array_get_length (array); i++) {
      g_string_append (out, separator);
      print_node (out, json_array_get_element (array, i));
      separator = ",";
    }
    g_string_append_c (out, ']');
  } else if (JSON_NODE_HOLDS_VALUE (node)) {
    print_value (out, node);
  } else {
    g_string_append (out, "null");
  }
}

/**
 * pb_json_print:
 * @node: a value; its strings are UTF-8
 *
 * Returns: (transfer full): compact, on one line
 */
char *
pb_json_print (JsonNode *node)
{
  GString *out;

  g_return_val_if_fail (node != NULL, NULL);
  out = g_string_new (NULL);
  print_node (out, node);

  return g_string_free (out, FALSE);
}
