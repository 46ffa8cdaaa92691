/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "core/pb-candidate.h"
#include "core/pb-limits.h"
#include "fuzz.h"

/* What is taken has an address that packets may be sent to, by a judgement of
 * its own, or a name; no error repeats what came. */

/* The rule once more, from the other side: what must never be taken. */
static gboolean
is_harmful (GInetAddress *address)
{
  return g_inet_address_get_is_any (address) ||
         g_inet_address_get_is_loopback (address) ||
         g_inet_address_get_is_multicast (address) ||
         g_inet_address_get_is_link_local (address) ||
         g_inet_address_get_is_mc_global (address);
}

static void
check (const char *line, PbAddressFlags flags)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (PbCandidate) is = pb_candidate_parse (line, flags, &error);
  g_autoptr (PbCandidate) copy = NULL;
  g_autoptr (GInetAddress) address = NULL;
  PbCandidateVerdict verdict = pb_candidate_judge (line, flags, NULL);

  FUZZ_CHECK ((is == NULL) == (error != NULL));
  FUZZ_CHECK ((is == NULL) == (verdict == PB_CANDIDATE_UNFIT ||
                                  verdict == PB_CANDIDATE_MALFORMED));
  if (is == NULL) {
    FUZZ_CHECK (error->domain == PB_ERROR && error->code == PB_ERROR_INVALID);
    FUZZ_CHECK (g_str_has_prefix (error->message, "the candidate"));
    return;
  }

  FUZZ_CHECK (strlen (line) <= PB_CANDIDATE_MAX);
  FUZZ_CHECK (strpbrk (line, "\r\n\t") == NULL);
  FUZZ_CHECK (is->component >= 1 && is->component <= 256);
  FUZZ_CHECK (is->priority >= 1 && is->priority <= G_MAXINT32);
  FUZZ_CHECK (is->port >= 1 && is->port <= G_MAXUINT16);
  FUZZ_CHECK (is->is_name == (verdict == PB_CANDIDATE_NAME));
  address = g_inet_address_new_from_string (is->address);
  FUZZ_CHECK ((address == NULL) == is->is_name);
  FUZZ_CHECK (!is->is_name || !g_hostname_is_ip_address (is->address));
  if (address != NULL && flags == PB_ADDRESS_STRICT) {
    g_autofree char *text = g_inet_address_to_string (address);

    FUZZ_CHECK (!is_harmful (address));
    FUZZ_CHECK (!g_str_has_prefix (text, "::ffff:"));
  }
  copy = pb_candidate_copy (is);
  FUZZ_CHECK (strcmp (copy->address, is->address) == 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *line = g_strndup ((const char *) data, size);

  check (line, PB_ADDRESS_STRICT);
  check (line, PB_ADDRESS_LOOPBACK | PB_ADDRESS_LINK_LOCAL);

  return 0;
}
