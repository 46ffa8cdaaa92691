/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <gio/gio.h>

#include "core/pb-error.h"
#include "pb-server-private.h"
#include "pb-server-resources.h"

/* The pages hold nothing: they speak the protocol like any other client. */

static PbServerReply *
reply_file (const char *name, const char *type, GError **error)
{
  g_autofree char *path = g_strconcat ("/patchbay/web/", name, NULL);
  /* by its name: a linker drops a file of a static library that nobody calls,
   * and with it the constructor that would register the resource */
  GBytes *bytes = g_resource_lookup_data (pb_server_resources_get_resource (),
      path, G_RESOURCE_LOOKUP_FLAGS_NONE, error);

  return bytes != NULL ? pb_server_reply_new (200, type, bytes) : NULL;
}

/**
 * pb_server_handle_home: (skip)
 * @self: the server
 * @request: GET /
 * @error: where to put why not
 *
 * Returns: (transfer full): what this is
 */
PbServerReply *
pb_server_handle_home (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  return reply_file ("home.html", PB_SERVER_TYPE_HTML, error);
}

/**
 * pb_server_handle_page: (skip)
 * @self: the server
 * @request: GET /s/{name}
 * @error: where to put why not
 *
 * Returns: (transfer full): the page, the same for every session
 */
PbServerReply *
pb_server_handle_page (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  return reply_file ("session.html", PB_SERVER_TYPE_HTML, error);
}

/**
 * pb_server_handle_asset: (skip)
 * @self: the server
 * @request: GET /web/{name}
 * @error: where to put why not
 *
 * Returns: (transfer full): a module or the style sheet of the pages
 */
PbServerReply *
pb_server_handle_asset (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  static const struct
  {
    const char *suffix, *type;
  } kinds[] = {
    { ".js", "text/javascript; charset=utf-8" },
    { ".css", "text/css; charset=utf-8" },
  };
  PbServerReply *reply = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (kinds) && reply == NULL; i++)
    if (g_str_has_suffix (request->name, kinds[i].suffix))
      reply = reply_file (request->name, kinds[i].type, NULL);
  if (reply == NULL)
    g_set_error_literal (error, PB_ERROR, PB_ERROR_NOT_FOUND,
        "There is nothing here.");

  return reply;
}
