/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-srt-lib-private.h"

#include "pb-srt-listener-private.h"

#include <access_control.h>
#include <gst/gst.h>
#include <netinet/in.h>
#include <string.h>
#include <syslog.h>

GST_DEBUG_CATEGORY_STATIC (srtlib_debug);

/* What libsrt logs, as libsrt says it, when a listener turns a caller away.
 * It is the only place where 1.5 tells why: the socket is gone by then. */
#define REJECT_MARK "rsp(REJECT): "

static __thread guint attempt_gate;
static __thread SRTSOCKET attempt_sock;

static void
on_log (void *opaque, int level, const char *file, int line, const char *area,
    const char *text)
{
  const char *mark;
  GstDebugLevel gst_level = GST_LEVEL_DEBUG;

  if (text == NULL)
    return;

  mark = attempt_gate != 0 ? strstr (text, REJECT_MARK) : NULL;
  if (mark != NULL) {
    const int wire = atoi (mark + strlen (REJECT_MARK));

    /* a handshake carries 1000 more than the API's number */
    if (wire >= 1000)
      pb_srt_listener_note_reason (attempt_gate, attempt_sock, wire - 1000);
    attempt_gate = 0;
  }

  /* Every refusal is an "error" to libsrt; to us it is an event that the
   * callbacks already carry, so only its own emergencies are loud. */
  if (level <= LOG_CRIT)
    gst_level = GST_LEVEL_ERROR;
  else if (level <= LOG_WARNING)
    gst_level = GST_LEVEL_INFO;
  if (G_UNLIKELY (gst_level <= _gst_debug_min))
    gst_debug_log (srtlib_debug, gst_level, file, area, line, NULL, "%.*s",
        (int) strcspn (text, "\n"), text);
}

void
pb_srt_lib_take_log (void)
{
  srt_setloghandler (NULL, on_log);
  srt_setlogflags (SRT_LOGF_DISABLE_TIME | SRT_LOGF_DISABLE_THREADNAME |
                   SRT_LOGF_DISABLE_SEVERITY | SRT_LOGF_DISABLE_EOL);
  /* notes are per connection, never per packet */
  srt_setloglevel (LOG_NOTICE);
}

/* Never undone: srt_cleanup() at the count of zero closes every socket of the
 * process and joins libsrt's threads; the library does it itself at exit. */
void
pb_srt_lib_start (void)
{
  static gsize once;

  if (g_once_init_enter (&once)) {
    GST_DEBUG_CATEGORY_INIT (srtlib_debug, "pbsrtlib", 0,
        "what libsrt says of itself");
    srt_startup ();
    g_once_init_leave (&once, 1);
  }
  pb_srt_lib_take_log ();
}

void
pb_srt_lib_begin_attempt (guint gate_id, SRTSOCKET sock)
{
  attempt_gate = gate_id;
  attempt_sock = sock;
}

PbFault
pb_srt_lib_fault_from_reason (int reason)
{
  /* clang-format off */
  static const struct { int reason; PbFault fault; } table[] = {
    { SRT_REJ_BADSECRET, PB_FAULT_WRONG_PASSPHRASE },
    { SRT_REJ_UNSECURE, PB_FAULT_UNENCRYPTED },
    { SRT_REJ_TIMEOUT, PB_FAULT_TIMED_OUT },
    { SRT_REJ_VERSION, PB_FAULT_VERSION_MISMATCH },
    { SRT_REJX_VERSION, PB_FAULT_VERSION_MISMATCH },
    { SRT_REJX_NOTFOUND, PB_FAULT_STREAM_UNKNOWN },
    { SRT_REJX_CONFLICT, PB_FAULT_SLOT_TAKEN },
    { SRT_REJX_LOCKED, PB_FAULT_SLOT_TAKEN },
    { SRT_REJX_UNAUTHORIZED, PB_FAULT_DENIED },
    { SRT_REJX_FORBIDDEN, PB_FAULT_DENIED },
    { SRT_REJ_SYSTEM, PB_FAULT_INTERNAL },
    { SRT_REJ_RESOURCE, PB_FAULT_INTERNAL },
    { SRT_REJ_IPE, PB_FAULT_INTERNAL },
    { SRT_REJ_RDVCOOKIE, PB_FAULT_INTERNAL },
  };
  /* clang-format on */

  for (guint i = 0; i < G_N_ELEMENTS (table); i++) {
    if (table[i].reason == reason)
      return table[i].fault;
  }
  return PB_FAULT_REFUSED;
}

GSocketAddress *
pb_srt_lib_address (const struct sockaddr *native)
{
  if (native == NULL)
    return NULL;
  if (native->sa_family == AF_INET)
    return g_socket_address_new_from_native ((gpointer) native,
        sizeof (struct sockaddr_in));
  if (native->sa_family == AF_INET6)
    return g_socket_address_new_from_native ((gpointer) native,
        sizeof (struct sockaddr_in6));
  return NULL;
}

guint
pb_srt_lib_get_int (SRTSOCKET sock, SRT_SOCKOPT option)
{
  int value = 0;
  int length = sizeof value;

  if (srt_getsockflag (sock, option, &value, &length) != 0 || value < 0)
    return 0;
  return value;
}
