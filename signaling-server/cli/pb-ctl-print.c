/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How answers are put on paper. */
#include "config.h"

#include "pb-ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One line of JSON. */
void
pb_ctl_print_json (JsonNode *node)
{
  g_autofree char *text = pb_json_print (node);

  puts (text);
}

/* (transfer full): the text without what a terminal would obey. A peer names
 * its own client, and an MCR operator's terminal shows it. */
char *
pb_ctl_safe (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text != NULL ? text : "", -1);
  GString *out = g_string_new (NULL);

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);

    if (c == '\n' || c == '\t')
      g_string_append_unichar (out, ' ');
    else if (g_unichar_iscntrl (c) || g_unichar_type (c) == G_UNICODE_FORMAT)
      g_string_append_c (out, '?');
    else
      g_string_append_unichar (out, c);
  }

  return g_string_free (out, FALSE);
}

/* The same, printed. */
void
pb_ctl_print_safe (const char *text)
{
  g_autofree char *safe = pb_ctl_safe (text);

  fputs (safe, stdout);
}

/* (nullable): the member where it is a string */
const char *
pb_ctl_member (JsonObject *object, const char *name)
{
  JsonNode *node;

  if (object == NULL)
    return NULL;
  node = json_object_get_member (object, name);
  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) ||
      json_node_get_value_type (node) != G_TYPE_STRING)
    return NULL;

  return json_node_get_string (node);
}

/* The member where it is a number, else 0. */
gint64
pb_ctl_member_int (JsonObject *object, const char *name)
{
  JsonNode *node;

  if (object == NULL)
    return 0;
  node = json_object_get_member (object, name);
  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node))
    return 0;

  return json_node_get_int (node);
}

gboolean
pb_ctl_member_is_true (JsonObject *object, const char *name)
{
  JsonNode *node =
      object != NULL ? json_object_get_member (object, name) : NULL;

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) &&
         json_node_get_boolean (node);
}

/* "29:12" or "1:02:03" until `expires`; both are Unix seconds. */
char *
pb_ctl_format_left (gint64 expires, gint64 now)
{
  gint64 left = MAX (0, expires - now);

  if (left >= 3600)
    return g_strdup_printf ("%d:%02d:%02d", (int) (left / 3600),
        (int) (left / 60 % 60), (int) (left % 60));

  return g_strdup_printf ("%d:%02d", (int) (left / 60), (int) (left % 60));
}

/* https://no-color.org */
gboolean
pb_ctl_use_colour (int fd)
{
  const char *no = g_getenv ("NO_COLOR");
  const char *term = g_getenv ("TERM");

  return isatty (fd) && (no == NULL || *no == '\0') &&
         g_strcmp0 (term, "dumb") != 0;
}

struct _PbCtlSink
{
  char *name;
  char *draft; /* (nullable): standard output has none */
  int fd;
};

/* Opens a file of our own beside the one that was named, readable by nobody
 * else from its first moment on. */
PbCtlSink *
pb_ctl_sink_new (const char *name, GError **error)
{
  g_autoptr (PbCtlSink) self = g_new0 (PbCtlSink, 1);

  self->name = g_strdup (name);
  self->fd = -1;
  if (strcmp (name, "-") == 0)
    return g_steal_pointer (&self);

  self->draft = g_strdup_printf ("%s.XXXXXX", name);
  self->fd = g_mkstemp_full (self->draft, O_WRONLY | O_CLOEXEC, 0600);
  if (self->fd < 0) {
    int saved = errno;

    g_set_error (error, G_IO_ERROR, (gint) g_io_error_from_errno (saved),
        "cannot write %s: %s", name, g_strerror (saved));
    g_clear_pointer (&self->draft, g_free);
    return NULL;
  }

  return g_steal_pointer (&self);
}

/* Writes the line and gives the file its name. */
gboolean
pb_ctl_sink_finish (PbCtlSink *self, const char *text, GError **error)
{
  gsize length = strlen (text);
  gboolean good;

  if (self->draft == NULL)
    return puts (text) >= 0;

  good = write (self->fd, text, length) == (gssize) length &&
         write (self->fd, "\n", 1) == 1 && fsync (self->fd) == 0 &&
         g_rename (self->draft, self->name) == 0;
  if (!good) {
    int saved = errno;

    g_set_error (error, G_IO_ERROR, (gint) g_io_error_from_errno (saved),
        "cannot write %s: %s", self->name, g_strerror (saved));
    return FALSE;
  }

  g_clear_pointer (&self->draft, g_free);
  return TRUE;
}

/* An unfinished file goes as well. */
void
pb_ctl_sink_free (PbCtlSink *self)
{
  if (self->fd >= 0)
    close (self->fd);
  if (self->draft != NULL)
    g_unlink (self->draft);
  g_free (self->draft);
  g_free (self->name);
  g_free (self);
}
