/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-stun.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>
#include <stun/stunagent.h>

#include "core/pb-random.h"

/* Longer than any Binding request: what is longer is cut, and refused. */
#define REQUEST_MAX 1024
#define RESPONSE_MAX 256
/* A Binding request of 20 bytes gets 32 (IPv4) or 44 (IPv6). */
#define FACTOR_MAX 3
/* Requests read at once, before others have their turn */
#define READ_TURN 64
/* Per IPv4 address or IPv6 /64. A studio behind one address that starts fifty
 * streams at once, each with two retransmissions, passes. */
#define BURST 200
#define PER_SECOND 50
/* Sources with a bucket of their own. Two that fall on one share it. */
#define N_BUCKETS 8192

typedef struct {
  guint64 key;
  guint32 tokens;
  guint32 time_ms; /* when it had them; wraps after 49 days, harmlessly */
} Bucket;

struct _PbServerStun {
  int fd;
  GSource *source;
  StunAgent agent;   /* RFC 5389 */
  StunAgent classic; /* RFC 3489: libnice asks that way when it gathers */
  guint16 port;
  guint64 seed; /* so that nobody can choose whose bucket he falls on */
  PbServerStunStats stats;
  Bucket buckets[N_BUCKETS];
};

/* What a request may say without being understood: RFC 5389 and ICE */
static const guint16 known_attributes[] = {
  STUN_ATTRIBUTE_MAPPED_ADDRESS,
  STUN_ATTRIBUTE_USERNAME,
  STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
  STUN_ATTRIBUTE_ERROR_CODE,
  STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES,
  STUN_ATTRIBUTE_REALM,
  STUN_ATTRIBUTE_NONCE,
  STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
  STUN_ATTRIBUTE_PRIORITY,
  STUN_ATTRIBUTE_USE_CANDIDATE,
  0,
};

/* ::ffff:a.b.c.d is what a dual-stack socket makes of IPv4. */
static void
unmap (struct sockaddr_storage *address)
{
  struct sockaddr_in6 *six = (struct sockaddr_in6 *) address;
  struct sockaddr_in four = { .sin_family = AF_INET };

  if (address->ss_family != AF_INET6 ||
      !IN6_IS_ADDR_V4MAPPED (&six->sin6_addr))
    return;
  four.sin_port = six->sin6_port;
  memcpy (&four.sin_addr, six->sin6_addr.s6_addr + 12, 4);
  memcpy (address, &four, sizeof four);
}

static gboolean
is_allowed (PbServerStun *self, const struct sockaddr_storage *from)
{
  guint32 now = g_get_monotonic_time () / 1000;
  guint64 key = 0, hash;
  guint32 gained;
  Bucket *bucket;

  if (from->ss_family == AF_INET)
    memcpy (&key, &((const struct sockaddr_in *) from)->sin_addr, 4);
  else
    memcpy (&key, &((const struct sockaddr_in6 *) from)->sin6_addr, 8);
  hash = (key ^ self->seed) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  bucket = &self->buckets[(hash >> 32) % N_BUCKETS];

  gained = (guint64) (guint32) (now - bucket->time_ms) * PER_SECOND / 1000;
  if (gained > 0 || bucket->time_ms == 0) {
    bucket->tokens = bucket->time_ms == 0
        ? BURST
        : MIN ((guint64) bucket->tokens + gained, BURST);
    bucket->time_ms = now;
  }
  if (bucket->tokens == 0)
    return FALSE;
  bucket->tokens--;
  return TRUE;
}

/* RFC 5389, section 12.2: a request without the magic cookie comes from a
 * client of RFC 3489, which knows MAPPED-ADDRESS only. */
static gboolean
is_classic (const guint8 *request)
{
  static const guint8 cookie[] = { 0x21, 0x12, 0xa4, 0x42 };

  return memcmp (request + 4, cookie, sizeof cookie) != 0;
}

static gboolean
append_address (StunMessage *reply, gboolean classic,
    const struct sockaddr_storage *from, socklen_t from_size)
{
  StunMessageReturn result = classic
      ? stun_message_append_addr (reply, STUN_ATTRIBUTE_MAPPED_ADDRESS,
            (const struct sockaddr *) from, from_size)
      : stun_message_append_xor_addr (reply,
            STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, from, from_size);

  return result == STUN_MESSAGE_RETURN_SUCCESS;
}

/* The answer to a request, in @response; 0 for none */
static gsize
answer (PbServerStun *self, const guint8 *request, gsize size,
    const struct sockaddr_storage *from, socklen_t from_size,
    guint8 response[RESPONSE_MAX])
{
  StunMessage question, reply;
  StunValidationStatus status;
  StunAgent *agent;
  gboolean classic;
  gsize length;

  /* libnice reads the header's fields, then trusts that they are there */
  if (size < STUN_MESSAGE_HEADER_LENGTH ||
      stun_message_validate_buffer_length (request, size, TRUE) != (int) size)
    return 0;
  classic = is_classic (request);
  agent = classic ? &self->classic : &self->agent;
  status = stun_agent_validate (agent, &question, request, size, NULL, NULL);
  if (status != STUN_VALIDATION_SUCCESS &&
      status != STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE)
    return 0;
  if (stun_message_get_class (&question) != STUN_REQUEST ||
      stun_message_get_method (&question) != STUN_BINDING)
    return 0;

  if (status == STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE) {
    length = stun_agent_build_unknown_attributes_error (agent, &reply,
        response, RESPONSE_MAX, &question);
  } else {
    if (!stun_agent_init_response (agent, &reply, response, RESPONSE_MAX,
            &question) ||
        !append_address (&reply, classic, from, from_size))
      return 0;
    length = stun_agent_finish_message (agent, &reply, NULL, 0);
  }

  return length <= FACTOR_MAX * size ? length : 0;
}

static gboolean
on_readable (int fd, GIOCondition condition, gpointer user_data)
{
  PbServerStun *self = user_data;

  for (guint i = 0; i < READ_TURN; i++) {
    struct sockaddr_storage from, to;
    socklen_t from_size = sizeof from;
    guint8 request[REQUEST_MAX + 1], response[RESPONSE_MAX];
    gssize n = recvfrom (fd, request, sizeof request, MSG_DONTWAIT,
        (struct sockaddr *) &from, &from_size);
    gsize length;

    if (n < 0) {
      if (errno == EAGAIN)
        break;
      continue; /* what an earlier answer met, such as ECONNREFUSED */
    }
    to = from;
    unmap (&from);
    if (!is_allowed (self, &from)) {
      self->stats.n_limited++;
      continue;
    }
    length = n <= REQUEST_MAX
        ? answer (self, request, n, &from, sizeof from, response)
        : 0;
    if (length == 0) {
      self->stats.n_malformed++;
      continue;
    }
    self->stats.n_answered++;
    sendto (fd, response, length, MSG_DONTWAIT | MSG_NOSIGNAL,
        (struct sockaddr *) &to, from_size);
  }

  return G_SOURCE_CONTINUE;
}

static gboolean
bind_socket (PbServerStun *self, GSocketAddress *address, GError **error)
{
  struct sockaddr_storage native;
  socklen_t size = sizeof native;
  int saved;

  if (!g_socket_address_to_native (address, &native, sizeof native, error))
    return FALSE;
  self->fd = socket (native.ss_family,
      SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (self->fd >= 0 &&
      bind (self->fd, (struct sockaddr *) &native,
          g_socket_address_get_native_size (address)) == 0 &&
      getsockname (self->fd, (struct sockaddr *) &native, &size) == 0) {
    self->port = g_ntohs (native.ss_family == AF_INET6
            ? ((struct sockaddr_in6 *) &native)->sin6_port
            : ((struct sockaddr_in *) &native)->sin_port);
    return TRUE;
  }

  saved = errno;
  g_set_error_literal (error, G_IO_ERROR, g_io_error_from_errno (saved),
      g_strerror (saved));
  return FALSE;
}

/**
 * pb_server_stun_new:
 * @address: an IP address; `::` answers IPv4 as well
 * @port: a UDP port; 0 for any that is free
 * @error: return location
 *
 * Returns: (transfer full) (nullable): a responder on the thread-default main
 *   context
 */
PbServerStun *
pb_server_stun_new (const char *address, guint16 port, GError **error)
{
  g_autoptr (PbServerStun) self = g_new0 (PbServerStun, 1);
  g_autoptr (GSocketAddress) where =
      g_inet_socket_address_new_from_string (address, port);

  self->fd = -1;
  if (where == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "%s is no IP address", address);
    return NULL;
  }
  if (!bind_socket (self, where, error)) {
    g_prefix_error (error, "STUN on %s port %u: ", address, port);
    return NULL;
  }

  pb_random_bytes (&self->seed, sizeof self->seed);
  stun_agent_init (&self->agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
      STUN_AGENT_USAGE_IGNORE_CREDENTIALS);
  stun_agent_init (&self->classic, known_attributes,
      STUN_COMPATIBILITY_RFC3489, STUN_AGENT_USAGE_IGNORE_CREDENTIALS);
  self->source = g_unix_fd_source_new (self->fd, G_IO_IN);
  g_source_set_static_name (self->source, "patchbay STUN");
  g_source_set_callback (self->source, G_SOURCE_FUNC (on_readable), self,
      NULL);
  g_source_attach (self->source, g_main_context_get_thread_default ());

  return g_steal_pointer (&self);
}

/**
 * pb_server_stun_free:
 * @self: (transfer full): a responder
 */
void
pb_server_stun_free (PbServerStun *self)
{
  if (self->source != NULL) {
    g_source_destroy (self->source);
    g_source_unref (self->source);
  }
  if (self->fd >= 0)
    close (self->fd);
  g_free (self);
}

/**
 * pb_server_stun_get_port:
 * @self: a responder
 *
 * Returns: its UDP port
 */
guint16
pb_server_stun_get_port (PbServerStun *self)
{
  return self->port;
}

/**
 * pb_server_stun_get_stats:
 * @self: a responder
 *
 * Returns: (transfer none): its counters, always current
 */
const PbServerStunStats *
pb_server_stun_get_stats (PbServerStun *self)
{
  return &self->stats;
}
