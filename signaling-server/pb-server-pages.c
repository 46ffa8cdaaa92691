/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-error.h"
#include "pb-server-private.h"

/* The pages hold nothing: they speak the protocol like any other client. */

#define WEB "/patchbay/web/"
#define DOCS "/patchbay/docs/"

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
  return pb_server_files_reply (self->files, WEB "home.html",
      PB_SERVER_TYPE_HTML, error);
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
  return pb_server_files_reply (self->files, WEB "session.html",
      PB_SERVER_TYPE_HTML, error);
}

/**
 * pb_server_handle_docs: (skip)
 * @self: the server
 * @request: GET /docs, /docs/{name}
 * @error: where to put why not
 *
 * Returns: (transfer full): a page of the manual, or the list of them
 */
PbServerReply *
pb_server_handle_docs (PbServer *self, const PbServerRequest *request,
    GError **error)
{
  g_autofree char *path = request->name != NULL
                              ? g_strconcat (DOCS "page/", request->name, NULL)
                              : g_strdup (DOCS "index");

  return pb_server_files_reply (self->files, path, PB_SERVER_TYPE_HTML, error);
}

/**
 * pb_server_handle_asset: (skip)
 * @self: the server
 * @request: GET /web/{name}
 * @error: where to put why not
 *
 * Returns: (transfer full): a module, a style sheet or a picture of the pages
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
    { ".svg", "image/svg+xml" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    g_autofree char *path = NULL;

    if (!g_str_has_suffix (request->name, kinds[i].suffix))
      continue;
    path = g_strconcat (WEB, request->name, NULL);
    return pb_server_files_reply (self->files, path, kinds[i].type, error);
  }
  g_set_error_literal (error, PB_ERROR, PB_ERROR_NOT_FOUND,
      "There is nothing here.");

  return NULL;
}
