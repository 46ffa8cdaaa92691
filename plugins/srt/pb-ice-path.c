/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-ice-path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>
#include <nice/agent.h>

#include "core/pb-candidate.h"
#include "core/pb-error.h"
#include "core/pb-limits.h"
#include "glue/pb-timer.h"
#include "pb-stun-probe.h"

/* One stream of one component: SRT multiplexes by itself. */
#define COMPONENT 1
/* libnice gives up by itself after some 7 s, but waits for ever for a peer that
 * never says that its candidates are complete. */
#define DEADLINE_MS 8000
/* A pair that has worked this long without a better one taking over */
#define SETTLE_MS 60
/* A machine has a few addresses; hundreds are an attack on our checks. */
#define REMOTE_CANDIDATES_MAX 32
#define CREDENTIAL_MAX 256

typedef enum {
  EVENT_CANDIDATE,
  EVENT_CANDIDATES_DONE,
  EVENT_READY,
  EVENT_FAILED,
} EventKind;

typedef struct
{
  EventKind kind;
  char *line;
} Event;

struct _PbIcePath
{
  /* set in new */
  GMainContext *context; /* owned */
  PbIceCallbacks callbacks;
  gpointer user_data;
  gboolean is_controlling, is_patient;
  char **addresses; /* (nullable) */
  char *stun_address;
  guint stun_port;
  gboolean on_loopback;

  NiceAgent *agent; /* owned; NULL once the socket is taken */
  guint stream;
  char *ufrag, *pwd;
  gboolean has_remote, is_ready, is_over;
  guint n_remote;

  GQueue events;     /* of Event */
  GSource *deliver;  /* owned */
  GSource *settle;   /* owned */
  GSource *deadline; /* owned */

  /* What STUN says of this network, to name the reason of a failure */
  int probe_fd;
  PbStunProbe *probe;
  GSocketAddress *mapped; /* (nullable) owned */
};

static void
event_free (gpointer data)
{
  Event *event = data;

  g_free (event->line);
  g_free (event);
}

static GSource *
attach_timer (PbIcePath *self, guint ms, GSourceFunc func)
{
  GSource *source = ms > 0 ? g_timeout_source_new (ms) : g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, func, self, NULL);
  g_source_attach (source, self->context);

  return source;
}

/* --- why it failed -------------------------------------------------------- */

/* A router that gives each destination another port is seen here by one that
 * does not keep the port we chose: with a single server to ask, that is the
 * evidence there is. It is read only after the checks have failed. */
static gboolean
changes_ports (PbIcePath *self)
{
  struct sockaddr_storage bound;
  socklen_t size = sizeof bound;
  g_autoptr (GSocketAddress) local = NULL;

  if (self->probe_fd < 0 || !G_IS_INET_SOCKET_ADDRESS (self->mapped) ||
      getsockname (self->probe_fd, (struct sockaddr *) &bound, &size) != 0)
    return FALSE;

  local = g_socket_address_new_from_native (&bound, size);

  return G_IS_INET_SOCKET_ADDRESS (local) &&
         g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (local)) !=
             g_inet_socket_address_get_port (
                 G_INET_SOCKET_ADDRESS (self->mapped));
}

static PbFault
get_fault (PbIcePath *self)
{
  if (self->stun_address != NULL && self->mapped == NULL)
    return PB_FAULT_UDP_BLOCKED;
  if (changes_ports (self))
    return PB_FAULT_NAT_SYMMETRIC;

  return PB_FAULT_NO_PATH;
}

static void
on_probed (PbStunProbe *probe, GSocketAddress *mapped, gpointer user_data)
{
  PbIcePath *self = user_data;

  if (mapped != NULL)
    self->mapped = g_object_ref (mapped);
}

static void
start_probe (PbIcePath *self)
{
  g_autoptr (GSocketAddress) server =
      g_inet_socket_address_new_from_string (self->stun_address,
          self->stun_port);
  gboolean is_v6;

  if (server == NULL)
    return;

  is_v6 = g_socket_address_get_family (server) == G_SOCKET_FAMILY_IPV6;
  self->probe_fd = socket (is_v6 ? AF_INET6 : AF_INET,
      SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (self->probe_fd < 0)
    return;
  self->probe = pb_stun_probe_new (self->context, self->probe_fd, server,
      on_probed, self);
}

/* --- events, never from inside a call ------------------------------------- */

static gboolean
on_deliver (gpointer user_data)
{
  PbIcePath *self = user_data;
  PbIceCallbacks callbacks = self->callbacks;
  Event *event = g_queue_pop_head (&self->events);
  gboolean more = !g_queue_is_empty (&self->events);

  if (!more)
    pb_timer_clear (&self->deliver);

  /* The callback may free the path, and with it the source. */
  switch (event->kind) {
    case EVENT_CANDIDATE:
      callbacks.on_candidate (self, event->line, self->user_data);
      break;
    case EVENT_CANDIDATES_DONE:
      callbacks.on_candidates_done (self, self->user_data);
      break;
    case EVENT_READY:
      callbacks.on_ready (self, self->user_data);
      break;
    case EVENT_FAILED:
      callbacks.on_failed (self, get_fault (self), self->user_data);
      break;
  }
  event_free (event);

  return more ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void
push_event (PbIcePath *self, EventKind kind, char *line)
{
  Event *event;

  if (self->is_over) {
    g_free (line);
    return;
  }

  event = g_new0 (Event, 1);
  event->kind = kind;
  event->line = line;
  g_queue_push_tail (&self->events, event);
  if (self->deliver == NULL)
    self->deliver = attach_timer (self, 0, on_deliver);
}

static void
become_ready (PbIcePath *self)
{
  pb_timer_clear (&self->settle);
  if (self->is_ready || self->is_over)
    return;

  self->is_ready = TRUE;
  pb_timer_clear (&self->deadline);
  push_event (self, EVENT_READY, NULL);
}

static void
fail (PbIcePath *self)
{
  pb_timer_clear (&self->settle);
  pb_timer_clear (&self->deadline);
  if (self->is_over)
    return;

  push_event (self, EVENT_FAILED, NULL);
  self->is_over = TRUE;
}

static gboolean
on_deadline (gpointer user_data)
{
  fail (user_data);

  return G_SOURCE_REMOVE;
}

static gboolean
on_settled (gpointer user_data)
{
  become_ready (user_data);

  return G_SOURCE_REMOVE;
}

/* --- libnice -------------------------------------------------------------- */

static void
on_candidate (NiceAgent *agent, NiceCandidate *candidate, gpointer user_data)
{
  PbIcePath *self = user_data;
  g_autofree char *line = NULL;

  if (candidate->transport != NICE_CANDIDATE_TRANSPORT_UDP)
    return;

  line = nice_agent_generate_local_candidate_sdp (agent, candidate);
  if (line != NULL && g_str_has_prefix (line, "a="))
    push_event (self, EVENT_CANDIDATE, g_strdup (line + strlen ("a=")));
}

static void
on_gathered (NiceAgent *agent, guint stream, gpointer user_data)
{
  push_event (user_data, EVENT_CANDIDATES_DONE, NULL);
}

static void
on_pair (NiceAgent *agent, guint stream, guint component, NiceCandidate *local,
    NiceCandidate *remote, gpointer user_data)
{
  PbIcePath *self = user_data;

  /* Better pairs may follow: the moment of quiet starts again. */
  if (self->settle != NULL) {
    pb_timer_clear (&self->settle);
    self->settle = attach_timer (self, SETTLE_MS, on_settled);
  }
}

static void
on_component_state (NiceAgent *agent, guint stream, guint component,
    guint state, gpointer user_data)
{
  PbIcePath *self = user_data;

  if (state == NICE_COMPONENT_STATE_READY)
    become_ready (self);
  else if (state == NICE_COMPONENT_STATE_FAILED)
    fail (self);
  else if (state == NICE_COMPONENT_STATE_CONNECTED && !self->is_patient &&
           !self->is_ready && self->settle == NULL)
    self->settle = attach_timer (self, SETTLE_MS, on_settled);
  else if (state == NICE_COMPONENT_STATE_CONNECTING)
    pb_timer_clear (&self->settle);
}

static void
on_data (NiceAgent *agent, guint stream, guint component, guint length,
    char *data, gpointer user_data)
{
  /* libnice reads its sockets only for somebody who listens. SRT's own packets
   * come after the socket has changed hands; an early one is sent again. */
}

static gboolean
add_addresses (PbIcePath *self, GError **error)
{
  for (guint i = 0; self->addresses != NULL && self->addresses[i] != NULL;
       i++) {
    NiceAddress address;

    nice_address_init (&address);
    if (!nice_address_set_from_string (&address, self->addresses[i])) {
      g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
          "%s is not an IP address of this machine", self->addresses[i]);
      return FALSE;
    }
    nice_agent_add_local_address (self->agent, &address);
  }

  return TRUE;
}

/* --- the interface -------------------------------------------------------- */

/**
 * pb_ice_path_new:
 * @context: where it lives
 * @config: copied
 * @callbacks: copied; all of them are needed
 * @user_data: for the callbacks
 *
 * Returns: (transfer full): a path that has not started
 */
PbIcePath *
pb_ice_path_new (GMainContext *context, const PbIceConfig *config,
    const PbIceCallbacks *callbacks, gpointer user_data)
{
  PbIcePath *self = g_new0 (PbIcePath, 1);

  self->context = g_main_context_ref (context);
  self->callbacks = *callbacks;
  self->user_data = user_data;
  self->is_controlling = config->is_controlling;
  self->is_patient = config->is_patient;
  self->addresses = g_strdupv ((char **) config->addresses);
  if (config->stun_address != NULL && config->stun_port > 0) {
    self->stun_address = g_strdup (config->stun_address);
    self->stun_port = config->stun_port;
  }
  self->probe_fd = -1;
  g_queue_init (&self->events);

  for (guint i = 0; self->addresses != NULL && self->addresses[i] != NULL;
       i++) {
    g_autoptr (GInetAddress) address =
        g_inet_address_new_from_string (self->addresses[i]);

    if (address != NULL && g_inet_address_get_is_loopback (address))
      self->on_loopback = TRUE;
  }

  return self;
}

static void
drop_agent (PbIcePath *self)
{
  if (self->agent == NULL)
    return;

  g_signal_handlers_disconnect_by_data (self->agent, self);
  if (self->stream != 0) {
    nice_agent_attach_recv (self->agent, self->stream, COMPONENT, self->context,
        NULL, NULL);
    nice_agent_remove_stream (self->agent, self->stream);
  }
  g_clear_object (&self->agent);
}

/**
 * pb_ice_path_free:
 * @self: (transfer full) (nullable): the path; it says nothing any more
 */
void
pb_ice_path_free (PbIcePath *self)
{
  if (self == NULL)
    return;

  pb_timer_clear (&self->deliver);
  pb_timer_clear (&self->settle);
  pb_timer_clear (&self->deadline);
  drop_agent (self);
  pb_stun_probe_free (self->probe);
  if (self->probe_fd >= 0)
    close (self->probe_fd);
  g_clear_object (&self->mapped);
  g_queue_clear_full (&self->events, event_free);
  g_strfreev (self->addresses);
  g_free (self->stun_address);
  g_free (self->ufrag);
  g_free (self->pwd);
  g_main_context_unref (self->context);
  g_free (self);
}

/**
 * pb_ice_path_start:
 * @self: a path that has not started
 * @error: PB_ERROR_INVALID for an address that is none of ours,
 *   PB_ERROR_INTERNAL where no socket could be opened
 *
 * Returns: whether it gathers now
 */
gboolean
pb_ice_path_start (PbIcePath *self, GError **error)
{
  g_return_val_if_fail (self->agent == NULL, FALSE);

  self->agent = nice_agent_new_full (self->context, NICE_COMPATIBILITY_RFC5245,
      NICE_AGENT_OPTION_ICE_TRICKLE);
  /* upnp: the default multicasts SSDP. The timers: one lost check must not
   * cost half a second. */
  g_object_set (self->agent, "upnp", FALSE, "ice-tcp", FALSE,
      "controlling-mode", self->is_controlling, "stun-initial-timeout", 100,
      "stun-max-retransmissions", 5, NULL);
  if (self->stun_address != NULL)
    g_object_set (self->agent, "stun-server", self->stun_address,
        "stun-server-port", self->stun_port, NULL);
  g_signal_connect (self->agent, "new-candidate-full",
      G_CALLBACK (on_candidate), self);
  g_signal_connect (self->agent, "candidate-gathering-done",
      G_CALLBACK (on_gathered), self);
  g_signal_connect (self->agent, "new-selected-pair-full", G_CALLBACK (on_pair),
      self);
  g_signal_connect (self->agent, "component-state-changed",
      G_CALLBACK (on_component_state), self);

  if (!add_addresses (self, error)) {
    drop_agent (self);
    return FALSE;
  }
  self->stream = nice_agent_add_stream (self->agent, 1);
  if (self->stream == 0 ||
      !nice_agent_get_local_credentials (self->agent, self->stream,
          &self->ufrag, &self->pwd) ||
      !nice_agent_attach_recv (self->agent, self->stream, COMPONENT,
          self->context, on_data, self) ||
      !nice_agent_gather_candidates (self->agent, self->stream)) {
    g_set_error (error, PB_ERROR, PB_ERROR_INTERNAL,
        "libnice found no usable network address");
    drop_agent (self);
    return FALSE;
  }
  self->deadline = attach_timer (self, DEADLINE_MS, on_deadline);
  if (self->stun_address != NULL)
    start_probe (self);

  return TRUE;
}

/**
 * pb_ice_path_get_ufrag:
 * @self: a started path
 *
 * Returns: for the peer
 */
const char *
pb_ice_path_get_ufrag (PbIcePath *self)
{
  return self->ufrag;
}

/**
 * pb_ice_path_get_pwd:
 * @self: a started path
 *
 * Returns: for the peer, and for nobody else
 */
const char *
pb_ice_path_get_pwd (PbIcePath *self)
{
  return self->pwd;
}

/* RFC 8839: ice-char = ALPHA / DIGIT / "+" / "/" */
static gboolean
is_credential (const char *text, gsize least)
{
  gsize length = text != NULL ? strlen (text) : 0;

  return length >= least && length <= CREDENTIAL_MAX &&
         strspn (text, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "+/") == length;
}

/**
 * pb_ice_path_set_remote:
 * @self: a started path
 * @ufrag: the peer's
 * @pwd: the peer's
 * @error: PB_ERROR_INVALID or PB_ERROR_STATE
 *
 * Returns: whether they were taken
 */
gboolean
pb_ice_path_set_remote (PbIcePath *self, const char *ufrag, const char *pwd,
    GError **error)
{
  if (!is_credential (ufrag, 4) || !is_credential (pwd, 22)) {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
        "the peer's ICE credentials are malformed");
    return FALSE;
  }
  if (self->agent == NULL || self->has_remote ||
      !nice_agent_set_remote_credentials (self->agent, self->stream, ufrag,
          pwd)) {
    g_set_error (error, PB_ERROR, PB_ERROR_STATE,
        "ICE credentials come once per attempt");
    return FALSE;
  }

  self->has_remote = TRUE;

  return TRUE;
}

/**
 * pb_ice_address_is_fit:
 * @address: what a stranger named
 * @port: its port
 * @on_loopback: whether we stand on loopback ourselves
 *
 * Two machines on one cable, without DHCP, are not refused; the ports of a
 * machine's own services are.
 *
 * Returns: whether packets may be sent there
 */
gboolean
pb_ice_address_is_fit (GInetAddress *address, guint port, gboolean on_loopback)
{
  return port >= PB_PORT_MIN && port <= PB_PORT_MAX &&
         pb_address_check (address,
             PB_ADDRESS_LINK_LOCAL | (on_loopback ? PB_ADDRESS_LOOPBACK : 0),
             NULL);
}

/* Ours is a path of UDP over one component, and relays are TURN's to name. */
static gboolean
is_candidate_fit (PbIcePath *self, const PbCandidate *fit)
{
  g_autoptr (GInetAddress) address =
      fit->is_name ? NULL : g_inet_address_new_from_string (fit->address);

  return address != NULL && fit->transport == PB_CANDIDATE_UDP &&
         fit->component == COMPONENT && fit->kind != PB_CANDIDATE_RELAY &&
         pb_ice_address_is_fit (address, fit->port, self->on_loopback);
}

static NiceCandidate *
parse_candidate (PbIcePath *self, const char *line, GError **error)
{
  g_autofree char *sdp = NULL;
  g_autoptr (PbCandidate) fit = NULL;
  NiceCandidate *candidate;

  if (line == NULL || !g_str_has_prefix (line, "candidate:")) {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "not a candidate line");
    return NULL;
  }
  fit = pb_candidate_parse (line,
      PB_ADDRESS_LINK_LOCAL | (self->on_loopback ? PB_ADDRESS_LOOPBACK : 0),
      error);
  if (fit == NULL)
    return NULL;
  if (!is_candidate_fit (self, fit)) {
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
        "the candidate is not fit to be used");
    return NULL;
  }

  sdp = g_strconcat ("a=", line, NULL);
  candidate =
      nice_agent_parse_remote_candidate_sdp (self->agent, self->stream, sdp);
  if (candidate == NULL)
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID,
        "the candidate cannot be read");

  return candidate;
}

/**
 * pb_ice_path_add_candidate:
 * @self: a path with the peer's credentials
 * @line: "candidate:…" from the peer
 * @error: PB_ERROR_INVALID, PB_ERROR_STATE or PB_ERROR_FULL
 *
 * Returns: whether it will be checked
 */
gboolean
pb_ice_path_add_candidate (PbIcePath *self, const char *line, GError **error)
{
  NiceCandidate *candidate;
  GSList *list;

  if (self->agent == NULL || !self->has_remote) {
    g_set_error (error, PB_ERROR, PB_ERROR_STATE,
        "a candidate before the credentials");
    return FALSE;
  }
  if (self->n_remote >= REMOTE_CANDIDATES_MAX) {
    g_set_error (error, PB_ERROR, PB_ERROR_FULL, "too many candidates");
    return FALSE;
  }
  candidate = parse_candidate (self, line, error);
  if (candidate == NULL)
    return FALSE;

  self->n_remote++;
  list = g_slist_prepend (NULL, candidate);
  nice_agent_set_remote_candidates (self->agent, self->stream, COMPONENT, list);
  g_slist_free_full (list, (GDestroyNotify) nice_candidate_free);

  return TRUE;
}

/**
 * pb_ice_path_candidates_done:
 * @self: the path
 *
 * The peer has said that it has no more.
 */
void
pb_ice_path_candidates_done (PbIcePath *self)
{
  if (self->agent != NULL && self->has_remote)
    nice_agent_peer_candidate_gathering_done (self->agent, self->stream);
}

/**
 * pb_ice_path_is_ready:
 * @self: the path
 *
 * Returns: whether a pair is chosen
 */
gboolean
pb_ice_path_is_ready (PbIcePath *self)
{
  return self->is_ready && !self->is_over;
}

static GSocketAddress *
dup_remote (const NiceAddress *address)
{
  char text[NICE_ADDRESS_STRING_LEN];

  nice_address_to_string (address, text);

  return g_inet_socket_address_new_from_string (text,
      nice_address_get_port (address));
}

/**
 * pb_ice_path_take_socket:
 * @self: a ready path
 * @fd: (out): a blocking UDP socket, not connected
 * @remote: (out) (transfer full): where the peer is
 * @error: PB_ERROR_STATE without a direct pair
 *
 * libnice has let go of the socket when this returns.
 *
 * Returns: whether there is one
 */
gboolean
pb_ice_path_take_socket (PbIcePath *self, int *fd, GSocketAddress **remote,
    GError **error)
{
  NiceCandidate *local = NULL, *peer = NULL;
  g_autoptr (GSocket) socket = NULL; /* libnice gives a reference */
  g_autoptr (GSocketAddress) address = NULL;
  int copy = -1;

  if (pb_ice_path_is_ready (self) && self->agent != NULL &&
      nice_agent_get_selected_pair (self->agent, self->stream, COMPONENT,
          &local, &peer) &&
      local->type != NICE_CANDIDATE_TYPE_RELAYED &&
      peer->type != NICE_CANDIDATE_TYPE_RELAYED) {
    socket =
        nice_agent_get_selected_socket (self->agent, self->stream, COMPONENT);
    address = dup_remote (&peer->addr);
  }
  if (socket != NULL)
    copy = fcntl (g_socket_get_fd (socket), F_DUPFD_CLOEXEC, 3);
  if (copy < 0 || address == NULL) {
    if (copy >= 0)
      close (copy);
    g_set_error (error, PB_ERROR, PB_ERROR_STATE,
        "ICE has no direct pair to hand over");
    return FALSE;
  }

  drop_agent (self);
  self->is_over = TRUE;
  /* libsrt spins on a socket that does not block */
  if (fcntl (copy, F_SETFL, fcntl (copy, F_GETFL) & ~O_NONBLOCK) < 0)
    g_debug ("ice: %s", g_strerror (errno));
  *fd = copy;
  *remote = g_steal_pointer (&address);

  return TRUE;
}
