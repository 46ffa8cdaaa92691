/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core/pb-session-private.h"

/* One row a name; the GTypes below and the wire use the same ones. */
static const char *const state_names[] = {
  [PB_STATE_WAITING] = "WAITING",
  [PB_STATE_READY] = "READY",
  [PB_STATE_CONNECTED] = "CONNECTED",
  [PB_STATE_RELAYING] = "RELAYING",
  [PB_STATE_CLOSED] = "CLOSED",
};
static const char *const event_names[] = {
  [PB_EVENT_MATCHED] = "MATCHED",
  [PB_EVENT_MEDIA_UP] = "MEDIA_UP",
  [PB_EVENT_RELAYED] = "RELAYED",
  [PB_EVENT_MEDIA_LOST] = "MEDIA_LOST",
  [PB_EVENT_UNMATCHED] = "UNMATCHED",
  [PB_EVENT_CLOSE] = "CLOSE",
};
static const char *const tally_names[] = {
  [PB_TALLY_OFF] = "off",
  [PB_TALLY_PREVIEW] = "preview",
  [PB_TALLY_PROGRAM] = "program",
};
static const struct
{
  const char *name;
  guint key_length; /* octets */
} ciphers[] = {
  [PB_CIPHER_AES_256] = { "aes-256", 32 },
  [PB_CIPHER_AES_128] = { "aes-128", 16 },
};

/* The life of a slot; docs/sessions.gv draws it. Each end reports its own
 * connection, so that the same report may come again and is no error. */
/* clang-format off */
static const struct {
  PbState from;
  PbEvent event;
  PbState to;
} edges[] = {
  { PB_STATE_WAITING,   PB_EVENT_MATCHED,    PB_STATE_READY },
  { PB_STATE_WAITING,   PB_EVENT_CLOSE,      PB_STATE_CLOSED },
  { PB_STATE_READY,     PB_EVENT_MEDIA_UP,   PB_STATE_CONNECTED },
  { PB_STATE_READY,     PB_EVENT_RELAYED,    PB_STATE_RELAYING },
  { PB_STATE_READY,     PB_EVENT_UNMATCHED,  PB_STATE_WAITING },
  { PB_STATE_READY,     PB_EVENT_CLOSE,      PB_STATE_CLOSED },
  { PB_STATE_CONNECTED, PB_EVENT_MEDIA_UP,   PB_STATE_CONNECTED },
  { PB_STATE_CONNECTED, PB_EVENT_RELAYED,    PB_STATE_RELAYING },
  { PB_STATE_CONNECTED, PB_EVENT_MEDIA_LOST, PB_STATE_READY },
  { PB_STATE_CONNECTED, PB_EVENT_UNMATCHED,  PB_STATE_WAITING },
  { PB_STATE_CONNECTED, PB_EVENT_CLOSE,      PB_STATE_CLOSED },
  { PB_STATE_RELAYING,  PB_EVENT_RELAYED,    PB_STATE_RELAYING },
  { PB_STATE_RELAYING,  PB_EVENT_MEDIA_UP,   PB_STATE_CONNECTED },
  { PB_STATE_RELAYING,  PB_EVENT_MEDIA_LOST, PB_STATE_READY },
  { PB_STATE_RELAYING,  PB_EVENT_UNMATCHED,  PB_STATE_WAITING },
  { PB_STATE_RELAYING,  PB_EVENT_CLOSE,      PB_STATE_CLOSED },
};
/* clang-format on */

/* clang-format off */
G_DEFINE_ENUM_TYPE (PbState, pb_state,
    G_DEFINE_ENUM_VALUE (PB_STATE_WAITING, "waiting"),
    G_DEFINE_ENUM_VALUE (PB_STATE_READY, "ready"),
    G_DEFINE_ENUM_VALUE (PB_STATE_CONNECTED, "connected"),
    G_DEFINE_ENUM_VALUE (PB_STATE_RELAYING, "relaying"),
    G_DEFINE_ENUM_VALUE (PB_STATE_CLOSED, "closed"))
G_DEFINE_ENUM_TYPE (PbEvent, pb_event,
    G_DEFINE_ENUM_VALUE (PB_EVENT_MATCHED, "matched"),
    G_DEFINE_ENUM_VALUE (PB_EVENT_MEDIA_UP, "media-up"),
    G_DEFINE_ENUM_VALUE (PB_EVENT_RELAYED, "relayed"),
    G_DEFINE_ENUM_VALUE (PB_EVENT_MEDIA_LOST, "media-lost"),
    G_DEFINE_ENUM_VALUE (PB_EVENT_UNMATCHED, "unmatched"),
    G_DEFINE_ENUM_VALUE (PB_EVENT_CLOSE, "close"))
G_DEFINE_ENUM_TYPE (PbTally, pb_tally,
    G_DEFINE_ENUM_VALUE (PB_TALLY_OFF, "off"),
    G_DEFINE_ENUM_VALUE (PB_TALLY_PREVIEW, "preview"),
    G_DEFINE_ENUM_VALUE (PB_TALLY_PROGRAM, "program"))
G_DEFINE_ENUM_TYPE (PbCipher, pb_cipher,
    G_DEFINE_ENUM_VALUE (PB_CIPHER_AES_256, "aes-256"),
    G_DEFINE_ENUM_VALUE (PB_CIPHER_AES_128, "aes-128"))
/* clang-format on */

/**
 * pb_state_get_name:
 * @state: a state
 *
 * Returns: (nullable): its name on the wire, such as "WAITING"
 */
const char *
pb_state_get_name (PbState state)
{
  g_return_val_if_fail ((guint) state < G_N_ELEMENTS (state_names), NULL);

  return state_names[state];
}

/**
 * pb_state_from_name:
 * @name: (nullable): as pb_state_get_name() gives it
 * @out: (out): the state; untouched where there is none of that name
 *
 * Returns: whether there is one
 */
gboolean
pb_state_from_name (const char *name, PbState *out)
{
  for (guint i = 0; i < G_N_ELEMENTS (state_names); i++) {
    if (g_strcmp0 (state_names[i], name) == 0) {
      *out = i;
      return TRUE;
    }
  }

  return FALSE;
}

/**
 * pb_event_get_name:
 * @event: an event
 *
 * Returns: (nullable): its name, such as "MATCHED"
 */
const char *
pb_event_get_name (PbEvent event)
{
  g_return_val_if_fail ((guint) event < G_N_ELEMENTS (event_names), NULL);

  return event_names[event];
}

/**
 * pb_tally_get_name:
 * @tally: a tally state
 *
 * Returns: (nullable): its name on the wire, such as "program"
 */
const char *
pb_tally_get_name (PbTally tally)
{
  g_return_val_if_fail ((guint) tally < G_N_ELEMENTS (tally_names), NULL);

  return tally_names[tally];
}

/**
 * pb_tally_from_name:
 * @name: (nullable): as pb_tally_get_name() gives it
 * @out: (out): the tally state; untouched where there is none of that name
 *
 * Returns: whether there is one
 */
gboolean
pb_tally_from_name (const char *name, PbTally *out)
{
  for (guint i = 0; i < G_N_ELEMENTS (tally_names); i++) {
    if (g_strcmp0 (tally_names[i], name) == 0) {
      *out = i;
      return TRUE;
    }
  }

  return FALSE;
}

/**
 * pb_cipher_get_name:
 * @cipher: a cipher
 *
 * Returns: (nullable): its name on the wire, such as "aes-256"
 */
const char *
pb_cipher_get_name (PbCipher cipher)
{
  g_return_val_if_fail ((guint) cipher < G_N_ELEMENTS (ciphers), NULL);

  return ciphers[cipher].name;
}

/**
 * pb_cipher_from_name:
 * @name: (nullable): as pb_cipher_get_name() gives it
 * @out: (out): the cipher; untouched where there is none of that name
 *
 * Returns: whether there is one
 */
gboolean
pb_cipher_from_name (const char *name, PbCipher *out)
{
  for (guint i = 0; i < G_N_ELEMENTS (ciphers); i++) {
    if (g_strcmp0 (ciphers[i].name, name) == 0) {
      *out = i;
      return TRUE;
    }
  }

  return FALSE;
}

/**
 * pb_cipher_get_key_length:
 * @cipher: a cipher
 *
 * Returns: the length of its key in octets, SRT's `pbkeylen`
 */
guint
pb_cipher_get_key_length (PbCipher cipher)
{
  g_return_val_if_fail ((guint) cipher < G_N_ELEMENTS (ciphers), 0);

  return ciphers[cipher].key_length;
}

/**
 * pb_state_edge:
 * @index: counted from 0
 * @from: (out): the state before
 * @event: (out): what happens
 * @to: (out): the state after
 *
 * Returns: whether there is an edge of that number
 */
gboolean
pb_state_edge (guint index, PbState *from, PbEvent *event, PbState *to)
{
  if (index >= G_N_ELEMENTS (edges))
    return FALSE;
  *from = edges[index].from;
  *event = edges[index].event;
  *to = edges[index].to;

  return TRUE;
}

gboolean
pb_state_next (PbState from, PbEvent event, PbState *to)
{
  for (guint i = 0; i < G_N_ELEMENTS (edges); i++) {
    if (edges[i].from == from && edges[i].event == event) {
      *to = edges[i].to;
      return TRUE;
    }
  }

  return FALSE;
}
