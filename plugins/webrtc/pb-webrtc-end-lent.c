/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-webrtc-end-private.h"

#include <string.h>

#include "core/pb-limits.h"
#include "core/pb-random.h"
#include "pb-turn-tunnel.h"

/* What the server lends: its STUN responder, and a relay. */

static void
take_stun (PbWebrtcEnd *self, GInetAddress *address, guint port)
{
  g_autofree char *text = g_inet_address_to_string (address);
  gboolean is_ipv6 =
      g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6;

  g_free (self->stun);
  self->stun = g_strdup_printf ("stun://%s%s%s:%u", is_ipv6 ? "[" : "", text,
      is_ipv6 ? "]" : "", port);
}

typedef struct
{
  PbWebrtcEnd *end; /* unowned: the request is cancelled before it goes */
  guint port;
} Lookup;

static void
on_stun_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Lookup *lookup = user_data;
  PbWebrtcEnd *self;
  g_autoptr (GError) error = NULL;
  GList *addresses =
      g_resolver_lookup_by_name_finish (G_RESOLVER (source), result, &error);

  /* stopped meanwhile */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  self = lookup->end;
  g_clear_object (&self->resolving);
  if (addresses != NULL) {
    take_stun (self, addresses->data, lookup->port);
    g_resolver_free_addresses (addresses);
  } else {
    GST_WARNING_OBJECT (self->element, "STUN: %s", error->message);
  }
  pb_webrtc_meet_begin_all (self);
}

/* The server's STUN responder, as a number: webrtcbin would look a name up and
 * wait for it. On loopback there is nothing to be learnt from it. */
void
pb_webrtc_lent_find_stun (PbWebrtcEnd *self, JsonObject *registered)
{
  JsonNode *node = json_object_get_member (registered, "stun");
  JsonObject *stun = node != NULL && JSON_NODE_HOLDS_OBJECT (node)
                         ? json_node_get_object (node)
                         : NULL;
  const char *host;
  g_autoptr (GInetAddress) numeric = NULL;
  g_autoptr (GResolver) resolver = NULL;
  Lookup *lookup;
  guint port;

  g_clear_pointer (&self->stun, g_free);
  if (stun == NULL || self->on_loopback)
    return;

  port = (guint) json_object_get_int_member_with_default (stun, "port", 0);
  host = json_object_get_string_member_with_default (stun, "address",
      self->uri->host);
  numeric = g_inet_address_new_from_string (host);
  if (numeric != NULL) {
    take_stun (self, numeric, port);
    return;
  }
  if (self->resolving != NULL)
    return;
  lookup = g_new0 (Lookup, 1);
  lookup->end = self;
  lookup->port = port;
  resolver = g_resolver_get_default ();
  self->resolving = g_cancellable_new ();
  g_resolver_lookup_by_name_async (resolver, host, self->resolving,
      on_stun_resolved, lookup);
}

void
pb_webrtc_lent_free_turn (char **turn)
{
  for (guint i = 0; turn != NULL && turn[i] != NULL; i++)
    pb_secret_free (turn[i]);
  g_free (turn);
}

static const char *
get_text (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);
  const char *text = node != NULL && JSON_NODE_HOLDS_VALUE (node)
                         ? json_node_get_string (node)
                         : NULL;

  return text != NULL ? text : "";
}

static PbTurnTunnel *
get_tunnel (PbWebrtcEnd *self, const char *relay)
{
  PbTurnTunnel *tunnel;
  g_autoptr (GError) error = NULL;

  if (self->tunnels == NULL)
    self->tunnels = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
        (GDestroyNotify) pb_turn_tunnel_free);
  tunnel = g_hash_table_lookup (self->tunnels, relay);
  if (tunnel != NULL)
    return tunnel;

  if (g_hash_table_size (self->tunnels) < PB_TURN_URLS_MAX)
    tunnel = pb_turn_tunnel_new (relay, &error);
  if (tunnel != NULL)
    g_hash_table_insert (self->tunnels, g_strdup (relay), tunnel);
  else
    GST_WARNING_OBJECT (self->element, "TURN over TLS: %s",
        error != NULL ? error->message : "too many relays");

  return tunnel;
}

/* "turn:host:port?transport=udp" (RFC 7065) becomes
 * "turn://user:password@host:port?transport=udp", and a `turns:` our own end of
 * a tunnel. */
static void
add_turn (PbWebrtcEnd *self, GPtrArray *list, const char *url, const char *user,
    const char *password)
{
  const char *at = strchr (url, ':') + 1;
  g_autofree char *relay = g_strndup (at, strcspn (at, "?"));
  PbTurnTunnel *tunnel;
  const char *const *addresses;

  if (g_str_has_prefix (url, "turn:")) {
    g_ptr_array_add (list,
        g_strdup_printf ("turn://%s:%s@%s", user, password, at));
    return;
  }

  tunnel = get_tunnel (self, relay);
  addresses = tunnel != NULL ? pb_turn_tunnel_get_addresses (tunnel) : NULL;
  for (guint i = 0; addresses != NULL && addresses[i] != NULL; i++)
    g_ptr_array_add (list, g_strdup_printf ("turn://%s:%s@%s?transport=tcp",
                               user, password, addresses[i]));
}

/* For peers made from now on. */
void
pb_webrtc_lent_take_turn (PbWebrtcEnd *self, JsonObject *object)
{
  JsonNode *node = json_object_get_member (object, "urls");
  JsonArray *urls = node != NULL && JSON_NODE_HOLDS_ARRAY (node)
                        ? json_node_get_array (node)
                        : NULL;
  char *user = g_uri_escape_string (get_text (object, "username"), NULL, FALSE);
  char *password =
      g_uri_escape_string (get_text (object, "credential"), NULL, FALSE);
  g_autoptr (GPtrArray) list = g_ptr_array_new ();

  for (guint i = 0;
       urls != NULL && i < json_array_get_length (urls) && i < PB_TURN_URLS_MAX;
       i++) {
    const char *url = json_array_get_string_element (urls, i);

    if (url != NULL && strpbrk (url, "@/ \r\n") == NULL &&
        (g_str_has_prefix (url, "turn:") || g_str_has_prefix (url, "turns:")))
      add_turn (self, list, url, user, password);
  }
  pb_secret_free (user);
  pb_secret_free (password);

  pb_webrtc_lent_free_turn (self->turn);
  self->turn = NULL;
  if (list->len > 0) {
    g_ptr_array_add (list, NULL);
    self->turn = (char **) g_ptr_array_steal (list, NULL);
  }
}
