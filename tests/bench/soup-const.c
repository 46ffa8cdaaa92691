/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The least that libsoup can do for a POST: a body that is always the same. */
#include "config.h"

#include <libsoup/soup.h>
#include <stdio.h>
#include <string.h>

static char body[500];

static void
on_request (SoupServer *soup, SoupServerMessage *msg, const char *path,
    GHashTable *query, gpointer user_data)
{
  soup_server_message_set_status (msg, SOUP_STATUS_CREATED, NULL);
  soup_server_message_set_response (msg, "application/json",
      SOUP_MEMORY_STATIC, body, sizeof body);
}

int
main (void)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (SoupServer) soup = soup_server_new (NULL, NULL);
  g_autoptr (GSocketAddress) any =
      g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr (GError) error = NULL;
  GSList *uris;

  memset (body, ' ', sizeof body);
  soup_server_add_handler (soup, NULL, on_request, NULL, NULL);
  if (!soup_server_listen (soup, any, 0, &error))
    g_error ("%s", error->message);
  uris = soup_server_get_uris (soup);
  printf ("%d\n", g_uri_get_port (uris->data));
  fflush (stdout);
  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
  g_main_loop_run (loop);
  return 0;
}
