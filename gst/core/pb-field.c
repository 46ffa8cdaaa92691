/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-field-private.h"

#include <math.h>
#include <string.h>

#include <gio/gio.h>

#include "core/pb-fault.h"
#include "core/pb-limits.h"

static gboolean
is_only (const char *text, gsize length, const char *others)
{
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isalnum (text[i]) && strchr (others, text[i]) == NULL)
      return FALSE;

  return TRUE;
}

/**
 * pb_name_is_valid:
 * @name: (nullable): of a session or a slot
 *
 * Returns: whether it matches ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$
 */
gboolean
pb_name_is_valid (const char *name)
{
  gsize length = name != NULL ? strnlen (name, PB_NAME_MAX + 1) : 0;

  return length > 0 && length <= PB_NAME_MAX && g_ascii_isalnum (name[0]) &&
         is_only (name, length, "._-");
}

/**
 * pb_peer_id_is_valid:
 * @id: (nullable): of a peer
 *
 * Returns: whether it matches ^[A-Za-z0-9_-]{8,32}$
 */
gboolean
pb_peer_id_is_valid (const char *id)
{
  gsize length = id != NULL ? strnlen (id, PB_PEER_ID_MAX + 1) : 0;

  return length >= PB_PEER_ID_MIN && length <= PB_PEER_ID_MAX &&
         is_only (id, length, "_-");
}

/* Shown to people, in terminals and pages: no control character of either set,
 * no line or paragraph separator, nothing that turns the direction of text. */
static gboolean
is_printable (const char *text, gint64 min, gint64 max, gboolean has_lines)
{
  gint64 n = 0;

  if (!g_utf8_validate (text, -1, NULL))
    return FALSE;
  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);

    GUnicodeType type = g_unichar_type (c);
    gboolean is_break = c == '\r' || c == '\n' || c == '\t';

    if ((!g_unichar_isprint (c) && !(has_lines && is_break)) ||
        type == G_UNICODE_LINE_SEPARATOR ||
        type == G_UNICODE_PARAGRAPH_SEPARATOR)
      return FALSE;
    n++;
  }

  return n >= min && n <= max;
}

/* Numeric forms only; a scope id ("fe80::1%eth0") names an interface of
 * another machine. */
static gboolean
is_address (const char *text)
{
  g_autoptr (GInetAddress) address = NULL;

  if (strlen (text) > 45 || !is_only (text, strlen (text), ".:"))
    return FALSE;
  address = g_inet_address_new_from_string (text);

  return address != NULL;
}

/* Major and minor, each up to 999. */
static gboolean
is_version (const char *text)
{
  gsize major = strspn (text, "0123456789"), minor;

  if (major < 1 || major > 3 || text[major] != '.')
    return FALSE;
  minor = strspn (text + major + 1, "0123456789");

  return minor >= 1 && minor <= 3 && text[major + 1 + minor] == '\0';
}

static gboolean
is_word (const PbField *field, PbMessageWay way, const char *text)
{
  for (const char *const *word = field->words; *word != NULL; word++)
    if (strcmp (*word, text) == 0)
      return TRUE;

  return (field->flags & PB_FIELD_OPEN) != 0 && way == PB_MESSAGE_TO_PEER &&
         is_printable (text, 0, PB_NAME_MAX, FALSE);
}

static gboolean
is_fault (const char *text, PbMessageWay way)
{
  PbFault fault;

  if (pb_fault_from_code (text, &fault))
    return TRUE;

  return way == PB_MESSAGE_TO_PEER &&
         is_printable (text, 1, PB_NAME_MAX, FALSE);
}

static gboolean
is_base64 (const char *text, gsize min, gsize max)
{
  gsize length = strlen (text);
  gsize n_padding = g_str_has_suffix (text, "==") ? 2
      : g_str_has_suffix (text, "=")              ? 1
                                                  : 0;

  if (length < min || length > max || length % 4 != 0)
    return FALSE;
  for (gsize i = 0; i < length - n_padding; i++)
    if (!g_ascii_isalnum (text[i]) && text[i] != '+' && text[i] != '/')
      return FALSE;

  return TRUE;
}

static gboolean
is_string (const PbField *field, PbMessageWay way, const char *text)
{
  switch (field->kind) {
    case PB_FIELD_NAME:
      return pb_name_is_valid (text);
    case PB_FIELD_PEER_ID:
      return pb_peer_id_is_valid (text);
    case PB_FIELD_WORD:
      return is_word (field, way, text);
    case PB_FIELD_FAULT:
      return is_fault (text, way);
    case PB_FIELD_TEXT:
      return is_printable (text, field->min, field->max, FALSE);
    case PB_FIELD_LINES:
      return is_printable (text, field->min, field->max, TRUE);
    case PB_FIELD_BASE64:
      return is_base64 (text, (gsize) field->min, (gsize) field->max);
    case PB_FIELD_ICE:
      return strlen (text) >= (gsize) field->min &&
             strlen (text) <= (gsize) field->max &&
             is_only (text, strlen (text), "+/");
    case PB_FIELD_ADDRESS:
      return is_address (text);
    case PB_FIELD_VERSION:
      return is_version (text);
    default:
      return FALSE;
  }
}

static gboolean
is_number (const PbField *field, JsonNode *node)
{
  GType type = json_node_get_value_type (node);

  if (field->kind == PB_FIELD_INTEGER) {
    gint64 value;

    if (type != G_TYPE_INT64)
      return FALSE;
    value = json_node_get_int (node);
    return value >= field->min && value <= field->max;
  }
  if (type == G_TYPE_INT64)
    return json_node_get_int (node) >= 0 &&
           json_node_get_int (node) <= PB_JSON_INTEGER_MAX;
  if (type == G_TYPE_DOUBLE)
    return isfinite (json_node_get_double (node)) &&
           json_node_get_double (node) >= 0 &&
           json_node_get_double (node) <= (double) PB_JSON_INTEGER_MAX;

  return FALSE;
}

/* "port must be 1024 to 65535" */
static gboolean
refuse (const PbField *field, GError **error)
{
  g_autoptr (GString) what = g_string_new (NULL);

  switch (field->kind) {
    case PB_FIELD_NAME:
      g_string_append (what, "1 to 64 letters, digits, dots, underscores or "
                             "hyphens, the first a letter or digit");
      break;
    case PB_FIELD_PEER_ID:
      g_string_append (what, "8 to 32 letters, digits, underscores or hyphens");
      break;
    case PB_FIELD_WORD:
      for (const char *const *word = field->words; *word != NULL; word++)
        g_string_append_printf (what, "%s%s",
            word == field->words ? ""
            : word[1] == NULL    ? " or "
                                 : ", ",
            *word);
      break;
    case PB_FIELD_FAULT:
      g_string_append (what, "a fault code");
      break;
    case PB_FIELD_TEXT:
    case PB_FIELD_LINES:
      g_string_append_printf (what,
          "a string of %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
          " printable characters",
          field->min, field->max);
      break;
    case PB_FIELD_BASE64:
      g_string_append_printf (what,
          "%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT " characters of Base64",
          field->min, field->max);
      break;
    case PB_FIELD_ICE:
      g_string_append_printf (what,
          "%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
          " letters, digits, plus signs or slashes",
          field->min, field->max);
      break;
    case PB_FIELD_ADDRESS:
      g_string_append (what, "an IPv4 or IPv6 address");
      break;
    case PB_FIELD_VERSION:
      g_string_append (what, "a version such as 1.0");
      break;
    case PB_FIELD_INTEGER:
      g_string_append_printf (what, "%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
          field->min, field->max);
      break;
    case PB_FIELD_FIGURE:
      g_string_append (what, "a number of 0 or more");
      break;
    case PB_FIELD_BOOLEAN:
      g_string_append (what, "true or false");
      break;
    case PB_FIELD_OBJECT:
      g_string_append (what, "an object");
      break;
    case PB_FIELD_LIST:
      g_string_append_printf (what,
          "a list of %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, field->min,
          field->max);
      break;
  }
  g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "%s must be %s", field->name,
      what->str);

  return FALSE;
}

static gboolean
check_field (const PbField *field, JsonNode *node, PbMessageWay way,
    GError **error)
{
  JsonArray *list;

  switch (field->kind) {
    case PB_FIELD_INTEGER:
    case PB_FIELD_FIGURE:
      if (!JSON_NODE_HOLDS_VALUE (node) || !is_number (field, node))
        return refuse (field, error);
      return TRUE;
    case PB_FIELD_BOOLEAN:
      if (!JSON_NODE_HOLDS_VALUE (node) ||
          json_node_get_value_type (node) != G_TYPE_BOOLEAN)
        return refuse (field, error);
      return TRUE;
    case PB_FIELD_OBJECT:
      if (!JSON_NODE_HOLDS_OBJECT (node))
        return refuse (field, error);
      if (field->fields == NULL ||
          pb_fields_check (field->fields, json_node_get_object (node), NULL,
              way, field->flags, error))
        return TRUE;
      g_prefix_error (error, "%s: ", field->name);
      return FALSE;
    case PB_FIELD_LIST:
      if (!JSON_NODE_HOLDS_ARRAY (node))
        return refuse (field, error);
      list = json_node_get_array (node);
      if (json_array_get_length (list) < field->min ||
          json_array_get_length (list) > field->max)
        return refuse (field, error);
      for (guint i = 0; i < json_array_get_length (list); i++)
        if (!check_field (field->fields, json_array_get_element (list, i), way,
                error))
          return FALSE;
      return TRUE;
    default:
      if (!JSON_NODE_HOLDS_VALUE (node) ||
          json_node_get_value_type (node) != G_TYPE_STRING ||
          !is_string (field, way, json_node_get_string (node)))
        return refuse (field, error);
      return TRUE;
  }
}

static const PbField *
find_field (const PbField *fields, const char *name, PbMessageWay way)
{
  PbFieldFlags wanted = way == PB_MESSAGE_TO_SERVER
                            ? PB_FIELD_IN | PB_FIELD_IN_NEEDED
                            : PB_FIELD_OUT | PB_FIELD_OUT_NEEDED;

  for (const PbField *field = fields; field->name != NULL; field++)
    if ((field->flags & wanted) != 0 && strcmp (field->name, name) == 0)
      return field;

  return NULL;
}

/* A name from outside is repeated to its sender only if nothing in it can hurt
 * a log or a terminal. */
static gboolean
refuse_unknown (const char *name, GError **error)
{
  if (pb_name_is_valid (name))
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "%s is not a known field",
        name);
  else
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "unknown field");

  return FALSE;
}

gboolean
pb_fields_check (const PbField *fields, JsonObject *object, const char *fixed,
    PbMessageWay way, PbFieldFlags flags, GError **error)
{
  PbFieldFlags needed =
      way == PB_MESSAGE_TO_SERVER ? PB_FIELD_IN_NEEDED : PB_FIELD_OUT_NEEDED;
  gboolean is_tolerant =
      way == PB_MESSAGE_TO_PEER || (flags & PB_FIELD_LOOSE) != 0;
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  json_object_iter_init (&iter, object);
  while (json_object_iter_next (&iter, &name, &node)) {
    const PbField *field;

    if (g_strcmp0 (name, fixed) == 0)
      continue;
    field = find_field (fields, name, way);
    if (field == NULL && !is_tolerant)
      return refuse_unknown (name, error);
    if (field == NULL || (JSON_NODE_HOLDS_NULL (node)))
      continue;
    if (!check_field (field, node, way, error))
      return FALSE;
  }

  for (const PbField *field = fields; field->name != NULL; field++) {
    if ((field->flags & needed) == 0)
      continue;
    node = json_object_get_member (object, field->name);
    if (node == NULL || JSON_NODE_HOLDS_NULL (node)) {
      g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "%s is missing",
          field->name);
      return FALSE;
    }
  }

  return TRUE;
}
