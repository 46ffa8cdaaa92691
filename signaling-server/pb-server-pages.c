/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <gio/gio.h>

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
 * pb_server_handle_script: (skip)
 * @self: the server
 * @request: GET /web/session.js
 * @error: where to put why not
 *
 * Returns: (transfer full): the page's module
 */
PbServerReply *
pb_server_handle_script (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  return reply_file ("session.js", "text/javascript; charset=utf-8", error);
}

/**
 * pb_server_handle_style: (skip)
 * @self: the server
 * @request: GET /web/style.css
 * @error: where to put why not
 *
 * Returns: (transfer full): the style sheet
 */
PbServerReply *
pb_server_handle_style (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  return reply_file ("style.css", "text/css; charset=utf-8", error);
}
