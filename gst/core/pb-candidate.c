/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-candidate.h"

#include <string.h>

#include "core/pb-limits.h"

/* RFC 8839, section 5.1: how long each word may be. */
#define FOUNDATION_MAX 32
#define COMPONENT_MAX 256
#define PRIORITY_MAX G_MAXINT32 /* RFC 8445, section 5.1.2: 2^31 - 1 */
#define ADDRESS_MAX 45          /* an IPv6 literal that ends in an IPv4 one */
#define NAME_MAX_LENGTH 253     /* RFC 1035, as text */
#define PORT_OF_ACTIVE 9        /* RFC 6544, section 4.5: "discard" */
#define ICE_MARKS "+/"

/* clang-format off */
G_DEFINE_FLAGS_TYPE (PbAddressFlags, pb_address_flags,
    G_DEFINE_ENUM_VALUE (PB_ADDRESS_STRICT, "strict"),
    G_DEFINE_ENUM_VALUE (PB_ADDRESS_LOOPBACK, "loopback"),
    G_DEFINE_ENUM_VALUE (PB_ADDRESS_LINK_LOCAL, "link-local"))
G_DEFINE_ENUM_TYPE (PbCandidateKind, pb_candidate_kind,
    G_DEFINE_ENUM_VALUE (PB_CANDIDATE_HOST, "host"),
    G_DEFINE_ENUM_VALUE (PB_CANDIDATE_SRFLX, "srflx"),
    G_DEFINE_ENUM_VALUE (PB_CANDIDATE_PRFLX, "prflx"),
    G_DEFINE_ENUM_VALUE (PB_CANDIDATE_RELAY, "relay"))
G_DEFINE_ENUM_TYPE (PbCandidateTransport, pb_candidate_transport,
    G_DEFINE_ENUM_VALUE (PB_CANDIDATE_UDP, "udp"),
    G_DEFINE_ENUM_VALUE (PB_CANDIDATE_TCP_ACTIVE, "tcp-active"),
    G_DEFINE_ENUM_VALUE (PB_CANDIDATE_TCP_PASSIVE, "tcp-passive"),
    G_DEFINE_ENUM_VALUE (PB_CANDIDATE_TCP_SO, "tcp-so"))
G_DEFINE_ENUM_TYPE (PbCandidateVerdict, pb_candidate_verdict,
    G_DEFINE_ENUM_VALUE (PB_CANDIDATE_FIT, "fit"),
    G_DEFINE_ENUM_VALUE (PB_CANDIDATE_NAME, "name"),
    G_DEFINE_ENUM_VALUE (PB_CANDIDATE_UNFIT, "unfit"),
    G_DEFINE_ENUM_VALUE (PB_CANDIDATE_MALFORMED, "malformed"))
/* clang-format on */

G_DEFINE_BOXED_TYPE (PbCandidate, pb_candidate, pb_candidate_copy,
    pb_candidate_free)

static gboolean
refuse (GError **error, const char *why)
{
  g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "the candidate %s", why);

  return FALSE;
}

/* ---- addresses ----------------------------------------------------------- */

/* Why nothing may be sent to an IPv4 address; NULL where it may. */
static const char *
blame_v4 (const guint8 *bytes, PbAddressFlags flags)
{
  /* RFC 1122: 0.0.0.0/8 is this host on this network */
  if (bytes[0] == 0)
    return "is unspecified";
  if (bytes[0] == 127 && (flags & PB_ADDRESS_LOOPBACK) == 0)
    return "is on loopback";
  /* 240.0.0.0/4 is nobody, its last address everybody */
  if (bytes[0] >= 240)
    return "is reserved or broadcast";
  if (bytes[0] >= 224)
    return "is multicast";
  if (bytes[0] == 169 && bytes[1] == 254) {
    /* who asks there gets the keys of a machine in a cloud */
    if (bytes[2] == 169 && bytes[3] == 254)
      return "is a metadata service";
    if ((flags & PB_ADDRESS_LINK_LOCAL) == 0)
      return "is link-local";
  }

  return NULL;
}

static const char *
blame_v6 (const guint8 *bytes, PbAddressFlags flags)
{
  static const guint8 zeros[16] = { 0 };
  static const guint8 loopback[16] = { [15] = 1 };
  static const guint8 metadata[16] = { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02,
    0x54 };

  if (memcmp (bytes, zeros, 16) == 0)
    return "is unspecified";
  if (memcmp (bytes, loopback, 16) == 0)
    return (flags & PB_ADDRESS_LOOPBACK) != 0 ? NULL : "is on loopback";
  /* ::ffff:127.0.0.1 is a loopback in disguise. All of 0000::/8 is mapped,
   * compatible, translated or NAT64, or nobody's; RFC 8445, section 5.1.1.1,
   * wants none of these in any case. */
  if (bytes[0] == 0)
    return "is an IPv4 address dressed up as IPv6";
  /* 6to4: what is inside is where the packets go */
  if (bytes[0] == 0x20 && bytes[1] == 0x02 &&
      blame_v4 (bytes + 2, PB_ADDRESS_STRICT) != NULL)
    return "is an IPv4 address dressed up as IPv6";
  if (bytes[0] == 0xff)
    return "is multicast";
  if (memcmp (bytes, metadata, 16) == 0)
    return "is a metadata service";
  /* fe80::/10, and what site-local was before it was taken back */
  if (bytes[0] == 0xfe && bytes[1] >= 0x80 &&
      (flags & PB_ADDRESS_LINK_LOCAL) == 0)
    return "is link-local";

  return NULL;
}

static const char *
blame (GInetAddress *address, PbAddressFlags flags)
{
  const guint8 *bytes = g_inet_address_to_bytes (address);

  return g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV4
             ? blame_v4 (bytes, flags)
             : blame_v6 (bytes, flags);
}

/**
 * pb_address_check:
 * @address: what a stranger named
 * @flags: what may be named in spite of the rule
 * @error: where to put why not
 *
 * A stranger may make us send packets wherever he likes; what can only do harm
 * there is left out. The port is the caller's to judge.
 *
 * Returns: whether packets may be sent there; else %PB_ERROR_INVALID
 */
gboolean
pb_address_check (GInetAddress *address, PbAddressFlags flags, GError **error)
{
  const char *why;

  g_return_val_if_fail (G_IS_INET_ADDRESS (address), FALSE);

  why = blame (address, flags);
  if (why != NULL)
    g_set_error (error, PB_ERROR, PB_ERROR_INVALID, "the address %s", why);

  return why == NULL;
}

/* ---- words --------------------------------------------------------------- */

static gboolean
is_only (const char *text, const char *marks)
{
  for (; *text != '\0'; text++)
    if (!g_ascii_isalnum (*text) && strchr (marks, *text) == NULL)
      return FALSE;

  return TRUE;
}

/* Digits only, as many as the grammar has room for. */
static gboolean
read_number (const char *word, gsize digits, guint min, guint max, guint *out)
{
  gsize length = strspn (word, "0123456789");
  guint64 value;

  if (length == 0 || length > digits || word[length] != '\0')
    return FALSE;
  value = g_ascii_strtoull (word, NULL, 10);
  if (value < min || value > max)
    return FALSE;
  *out = value;

  return TRUE;
}

/* Numeric forms only; a scope id names an interface of another machine. */
static GInetAddress *
read_address (const char *word)
{
  if (strlen (word) > ADDRESS_MAX || !is_only (word, ".:"))
    return NULL;

  return g_inet_address_new_from_string (word);
}

/* What is not an address but could be one of DNS or mDNS. Words of digits and
 * dots are what inet_aton() would take ("127.1", "0x7f.1"): no names. */
static gboolean
is_name (const char *word)
{
  const char *last = strrchr (word, '.');

  return strlen (word) <= NAME_MAX_LENGTH && is_only (word, ".-_") &&
         g_ascii_isalnum (word[0]) &&
         g_ascii_isalpha (last != NULL ? last[1] : word[0]) &&
         strstr (word, "..") == NULL;
}

static gboolean
read_kind (const char *word, PbCandidateKind *kind)
{
  static const char *const words[] = {
    [PB_CANDIDATE_HOST] = "host",
    [PB_CANDIDATE_SRFLX] = "srflx",
    [PB_CANDIDATE_PRFLX] = "prflx",
    [PB_CANDIDATE_RELAY] = "relay",
  };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++) {
    if (strcmp (words[i], word) == 0) {
      *kind = i;
      return TRUE;
    }
  }

  return FALSE;
}

static gboolean
read_tcp_type (const char *word, PbCandidateTransport *transport)
{
  if (strcmp (word, "active") == 0)
    *transport = PB_CANDIDATE_TCP_ACTIVE;
  else if (strcmp (word, "passive") == 0)
    *transport = PB_CANDIDATE_TCP_PASSIVE;
  else if (strcmp (word, "so") == 0)
    *transport = PB_CANDIDATE_TCP_SO;
  else
    return FALSE;

  return TRUE;
}

/* ---- the line ------------------------------------------------------------ */

/* What is learned beside the candidate itself. */
typedef struct
{
  GInetAddress *address;
  gboolean is_tcp, has_tcp_type;
} Facts;

static gboolean
check_text (const char *line, GError **error)
{
  gsize length = strnlen (line, PB_CANDIDATE_MAX + 1);

  if (length > PB_CANDIDATE_MAX)
    return refuse (error, "is too long");
  for (gsize i = 0; i < length; i++)
    if (line[i] < 0x20 || line[i] >= 0x7f)
      return refuse (error, "holds a character that is not printable ASCII");

  return TRUE;
}

/* foundation component transport priority address port typ kind */
static gboolean
read_head (PbCandidate *self, char **words, Facts *facts, GError **error)
{
  if (g_strv_length (words) < 8)
    return refuse (error, "lacks a word");
  if (words[0][0] == '\0' || strlen (words[0]) > FOUNDATION_MAX ||
      !is_only (words[0], ICE_MARKS))
    return refuse (error, "has no good foundation");
  if (!read_number (words[1], 3, 1, COMPONENT_MAX, &self->component))
    return refuse (error, "has no good component");
  facts->is_tcp = g_ascii_strcasecmp (words[2], "tcp") == 0;
  if (!facts->is_tcp && g_ascii_strcasecmp (words[2], "udp") != 0)
    return refuse (error, "has a transport other than UDP or TCP");
  if (!read_number (words[3], 10, 1, PRIORITY_MAX, &self->priority))
    return refuse (error, "has no good priority");
  facts->address = read_address (words[4]);
  self->is_name = facts->address == NULL;
  if (self->is_name && !is_name (words[4]))
    return refuse (error, "has neither an address nor a name");
  self->address = g_strdup (words[4]);
  if (!read_number (words[5], 5, 0, G_MAXUINT16, &self->port))
    return refuse (error, "has no good port");
  if (strcmp (words[6], "typ") != 0 || !read_kind (words[7], &self->kind))
    return refuse (error, "is of an unknown type");

  return TRUE;
}

/* raddr and rport, tcptype, and extensions, which are pairs. What raddr names
 * gets no packet: it has to look like an address, no more. */
static gboolean
read_tail (PbCandidate *self, char **words, Facts *facts, GError **error)
{
  gboolean has_address = FALSE, has_port = FALSE;
  guint port;

  for (; words[0] != NULL; words += 2) {
    gboolean is_good =
        words[0][0] != '\0' && words[1] != NULL && words[1][0] != '\0';

    if (is_good && strcmp (words[0], "raddr") == 0) {
      g_autoptr (GInetAddress) address = read_address (words[1]);

      is_good = !has_address && (address != NULL || is_name (words[1]));
      has_address = TRUE;
    } else if (is_good && strcmp (words[0], "rport") == 0) {
      is_good = !has_port && read_number (words[1], 5, 0, G_MAXUINT16, &port);
      has_port = TRUE;
    } else if (is_good && strcmp (words[0], "tcptype") == 0) {
      is_good = !facts->has_tcp_type && facts->is_tcp &&
                read_tcp_type (words[1], &self->transport);
      facts->has_tcp_type = TRUE;
    }
    if (!is_good)
      return refuse (error, "has an extension that cannot be read");
  }
  if (facts->is_tcp && !facts->has_tcp_type)
    return refuse (error, "is over TCP and has no tcptype");

  return TRUE;
}

static gboolean
read_line (PbCandidate *self, const char *line, Facts *facts, GError **error)
{
  g_auto (GStrv) words = NULL;

  if (!check_text (line, error))
    return FALSE;
  if (g_str_has_prefix (line, "a="))
    line += strlen ("a=");
  if (!g_str_has_prefix (line, "candidate:"))
    return refuse (error, "does not begin with candidate:");
  words = g_strsplit (line + strlen ("candidate:"), " ", -1);

  return read_head (self, words, facts, error) &&
         read_tail (self, words + 8, facts, error);
}

static gboolean
check_port (PbCandidate *self, GError **error)
{
  if (self->transport == PB_CANDIDATE_TCP_ACTIVE)
    return self->port == PORT_OF_ACTIVE ||
           refuse (error, "calls over TCP, and its port is not 9");

  return self->port != 0 || refuse (error, "has port 0");
}

static PbCandidate *
judge (const char *line, PbAddressFlags flags, PbCandidateVerdict *verdict,
    GError **error)
{
  g_autoptr (PbCandidate) self = g_new0 (PbCandidate, 1);
  g_autoptr (GInetAddress) address = NULL;
  Facts facts = { 0 };
  gboolean is_good = read_line (self, line, &facts, error);

  address = facts.address;
  *verdict = PB_CANDIDATE_MALFORMED;
  if (!is_good)
    return NULL;
  *verdict = PB_CANDIDATE_UNFIT;
  if (!check_port (self, error))
    return NULL;
  if (address != NULL && !pb_address_check (address, flags, error)) {
    g_prefix_error (error, "the candidate: ");
    return NULL;
  }
  *verdict = self->is_name ? PB_CANDIDATE_NAME : PB_CANDIDATE_FIT;

  return g_steal_pointer (&self);
}

/**
 * pb_candidate_parse:
 * @line: "candidate:…" as RFC 8839 has it, with or without "a=" before it
 * @flags: which addresses are fit in spite of the rule
 * @error: where to put why not
 *
 * Returns: (transfer full): the candidate; %NULL where it is malformed or names
 *   what must get no packet: %PB_ERROR_INVALID
 */
PbCandidate *
pb_candidate_parse (const char *line, PbAddressFlags flags, GError **error)
{
  PbCandidateVerdict unused;

  g_return_val_if_fail (line != NULL, NULL);

  return judge (line, flags, &unused, error);
}

/**
 * pb_candidate_judge:
 * @line: "candidate:…" as RFC 8839 has it, with or without "a=" before it
 * @flags: which addresses are fit in spite of the rule
 * @error: where to put why not
 *
 * Returns: what is to be done with it; @error is set for
 *   %PB_CANDIDATE_UNFIT and %PB_CANDIDATE_MALFORMED
 */
PbCandidateVerdict
pb_candidate_judge (const char *line, PbAddressFlags flags, GError **error)
{
  PbCandidateVerdict verdict;

  g_return_val_if_fail (line != NULL, PB_CANDIDATE_MALFORMED);

  pb_candidate_free (judge (line, flags, &verdict, error));

  return verdict;
}

/**
 * pb_candidate_copy:
 * @candidate: a candidate
 *
 * Returns: (transfer full): another one like it
 */
PbCandidate *
pb_candidate_copy (const PbCandidate *candidate)
{
  PbCandidate *copy;

  g_return_val_if_fail (candidate != NULL, NULL);

  copy = g_memdup2 (candidate, sizeof *candidate);
  copy->address = g_strdup (candidate->address);

  return copy;
}

/**
 * pb_candidate_free:
 * @candidate: (nullable) (transfer full): a candidate
 */
void
pb_candidate_free (PbCandidate *candidate)
{
  if (candidate == NULL)
    return;
  g_free (candidate->address);
  g_free (candidate);
}
