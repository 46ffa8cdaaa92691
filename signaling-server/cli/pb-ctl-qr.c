/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pbctl qr: a token that a phone can read off the screen. */
#include "config.h"

#include "pb-ctl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "Shows a QR code of the session's page with a fresh token in it: scan it "
    "with a\nphone, and the phone is at work. Each call mints another token. "
    "Needs the admin's.\n\n"
    "Examples:\n"
    "  The camera scans this off the terminal, within a quarter of an hour:\n"
    "    pbctl qr cam-wide\n"
    "  A card to print, good for a day:\n"
    "    pbctl qr cam-wide --ttl 24h --format svg --output cam-wide.svg\n"
    "  A phone that only looks at health and tally:\n"
    "    pbctl qr";

static int
print_json (PbCtl *self, const char *session, const char *stream,
    const char *format, GBytes *picture)
{
  g_autoptr (JsonBuilder) b = json_builder_new ();
  g_autoptr (JsonNode) node = NULL;
  g_autofree char *text = NULL;
  gsize length = 0;
  const char *data = g_bytes_get_data (picture, &length);

  if (strcmp (format, "png") == 0)
    text = g_base64_encode ((const guchar *) data, length);
  else
    text = g_strndup (data, length);
  json_builder_begin_object (b);
  json_builder_set_member_name (b, "session");
  json_builder_add_string_value (b, session);
  json_builder_set_member_name (b, "stream");
  if (stream != NULL)
    json_builder_add_string_value (b, stream);
  else
    json_builder_add_null_value (b);
  json_builder_set_member_name (b, "format");
  json_builder_add_string_value (b, format);
  json_builder_set_member_name (b, "picture");
  json_builder_add_string_value (b, text);
  json_builder_end_object (b);
  node = json_builder_get_root (b);
  pb_ctl_print_json (node);

  return PB_CTL_OK;
}

static int
write_picture (PbCtl *self, GBytes *picture, const char *output)
{
  g_autoptr (GError) error = NULL;
  gsize length = 0;
  const char *data = g_bytes_get_data (picture, &length);

  if (output == NULL) {
    fwrite (data, 1, length, stdout);
    return PB_CTL_OK;
  }
  /* It is a token, whatever it looks like: nobody else's to read. */
  if (!g_file_set_contents_full (output, data, (gssize) length,
          G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
    return pb_ctl_fail (self, error, "cannot write the QR code");

  printf ("written to %s\n", output);
  return PB_CTL_OK;
}

/* pbctl qr [SLOT] */
int
pb_ctl_qr (PbCtl *self, int argc, char **argv)
{
  g_autofree char *direction = NULL;
  g_autofree char *ttl = NULL;
  g_autofree char *format = NULL;
  g_autofree char *output = NULL;
  const GOptionEntry entries[] = {
    { "direction", 0, 0, G_OPTION_ARG_STRING, &direction,
        "send, receive or observe (default: send with a slot, else observe)",
        "NAME" },
    { "ttl", 0, 0, G_OPTION_ARG_STRING, &ttl,
        "How long it is good: 600, 15m, 2h (default 15m)", "TIME" },
    { "format", 0, 0, G_OPTION_ARG_STRING, &format,
        "text (default), svg or png", "NAME" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output,
        "Write it to this file, which only you can read", "FILE" },
    { NULL },
  };
  const char *stream = NULL;
  g_autofree char *session = NULL;
  g_autofree char *type = NULL;
  g_autoptr (GString) path = g_string_new (NULL);
  g_autoptr (PbRest) rest = NULL;
  g_autoptr (GBytes) picture = NULL;
  g_autoptr (GError) error = NULL;
  PbDirection parsed;
  gint64 seconds = 0;

  if (!pb_ctl_parse_slot (self, entries, help, argc, argv, &stream))
    return PB_CTL_USAGE;
  if (ttl != NULL && !pb_ctl_parse_seconds (ttl, &seconds))
    return pb_ctl_usage (self, "--ttl %s is not a time: 600, 15m, 2h", ttl);
  if (direction != NULL && !pb_direction_from_name (direction, &parsed))
    return pb_ctl_usage (self, "--direction %s: say send, receive or observe",
        direction);
  if (format == NULL)
    format = g_strdup ("text");
  if (strcmp (format, "text") != 0 && strcmp (format, "svg") != 0 &&
      strcmp (format, "png") != 0)
    return pb_ctl_usage (self, "--format %s: say text, svg or png", format);
  if (strcmp (format, "png") == 0 && output == NULL && !self->json &&
      isatty (STDOUT_FILENO))
    return pb_ctl_usage (self,
        "a png is no sight on a terminal: add --output FILE");

  rest = pb_ctl_open_session (self, &session, &error);
  if (rest != NULL) {
    /* Names and numbers only: nothing here needs escaping. */
    g_string_printf (path, "/s/%s/qr?format=%s", session, format);
    if (stream != NULL)
      g_string_append_printf (path, "&stream=%s", stream);
    if (direction != NULL)
      g_string_append_printf (path, "&direction=%s", direction);
    if (ttl != NULL)
      g_string_append_printf (path, "&ttl=%" G_GINT64_FORMAT, seconds);
    picture = pb_rest_fetch (rest, path->str, &type, &error);
  }
  if (picture == NULL)
    return pb_ctl_fail (self, error, "cannot make a QR code for %s",
        stream != NULL ? stream : "the session");

  if (self->json)
    return print_json (self, session, stream, format, picture);
  return write_picture (self, picture, output);
}
