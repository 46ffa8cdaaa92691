/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "pb-server-metrics.h"

static const char *const closed_names[PB_SERVER_N_CLOSED] = {
  [PB_SERVER_CLOSED_LEFT] = "left",
  [PB_SERVER_CLOSED_LOST] = "lost",
  [PB_SERVER_CLOSED_RULES] = "rules",
  [PB_SERVER_CLOSED_TOO_BIG] = "too-big",
  [PB_SERVER_CLOSED_SLOW] = "slow",
  [PB_SERVER_CLOSED_IDLE] = "idle",
  [PB_SERVER_CLOSED_SHUTDOWN] = "shutdown",
  [PB_SERVER_CLOSED_SESSION_CLOSED] = "session-closed",
  [PB_SERVER_CLOSED_SESSION_EXPIRED] = "session-expired",
  [PB_SERVER_CLOSED_TOKEN_EXPIRED] = "token-expired",
  [PB_SERVER_CLOSED_TOKEN_REVOKED] = "token-revoked",
};

/**
 * pb_server_closed_from_code: (skip)
 * @code: a WebSocket close code; 0 or 1006: the connection broke
 *
 * Returns: why the connection ended
 */
PbServerClosed
pb_server_closed_from_code (guint code)
{
  switch (code) {
    case 1000:
      return PB_SERVER_CLOSED_LEFT;
    case 1001:
      return PB_SERVER_CLOSED_SHUTDOWN;
    case 1002:
    case 1003:
    case 1007:
    case 1008:
      return PB_SERVER_CLOSED_RULES;
    case 1009:
      return PB_SERVER_CLOSED_TOO_BIG;
    case 1013:
      return PB_SERVER_CLOSED_SLOW;
    case 4001:
      return PB_SERVER_CLOSED_SESSION_CLOSED;
    case 4002:
      return PB_SERVER_CLOSED_TOKEN_EXPIRED;
    case 4003:
      return PB_SERVER_CLOSED_TOKEN_REVOKED;
    case 4004:
      return PB_SERVER_CLOSED_SESSION_EXPIRED;
    case 4008:
      return PB_SERVER_CLOSED_IDLE;
    default:
      return PB_SERVER_CLOSED_LOST;
  }
}

static void
head (GString *out, const char *name, const char *type, const char *help)
{
  g_string_append_printf (out, "# HELP patchbay_%s %s\n# TYPE patchbay_%s %s\n",
      name, help, name, type);
}

static void
single (GString *out, const char *name, const char *type, const char *help,
    guint64 value)
{
  head (out, name, type, help);
  g_string_append_printf (out, "patchbay_%s %" G_GUINT64_FORMAT "\n", name,
      value);
}

static void
labelled (GString *out, const char *name, const char *label, const char *value,
    guint64 number)
{
  g_string_append_printf (out,
      "patchbay_%s{%s=\"%s\"} %" G_GUINT64_FORMAT "\n", name, label, value,
      number);
}

/**
 * pb_server_metrics_print: (skip)
 * @self: the figures
 *
 * Returns: (transfer full): them in the Prometheus text format
 */
char *
pb_server_metrics_print (const PbServerMetrics *self)
{
  static const char *const classes[] = { "0xx", "1xx", "2xx", "3xx", "4xx",
    "5xx" };
  GString *out = g_string_new (NULL);

  single (out, "uptime_seconds", "gauge", "Since the server started.",
      (guint64) self->uptime_s);
  single (out, "sessions", "gauge", "Sessions that are open.", self->sessions);
  single (out, "websockets", "gauge", "WebSockets that are open.",
      self->sockets);
  single (out, "peers", "gauge", "Registrations, lost ones within their grace "
      "included.", self->peers);
  head (out, "slots", "gauge", "Slots by state.");
  for (guint i = 0; i < PB_STATE_CLOSED; i++)
    labelled (out, "slots", "state", pb_state_get_name (i),
        self->slots_by_state[i]);
  head (out, "peers_health", "gauge",
      "Senders and receivers that have reported, by health.");
  for (guint i = 0; i <= PB_HEALTH_CRITICAL; i++)
    labelled (out, "peers_health", "health", pb_health_status_get_name (i),
        self->peers_by_health[i]);

  head (out, "alarms_open", "gauge", "Alarms that are not cleared, by level.");
  for (guint i = PB_SERVER_ALARM_WARNING; i < PB_SERVER_N_ALARM_LEVELS; i++)
    labelled (out, "alarms_open", "level", pb_server_alarm_level_get_name (i),
        self->alarms_open[i]);

  head (out, "whip_resources", "gauge", "Clients of WHIP and WHEP.");
  labelled (out, "whip_resources", "kind", "whip", self->whip[0]);
  labelled (out, "whip_resources", "kind", "whep", self->whip[1]);

  single (out, "sessions_created_total", "counter", "Sessions created.",
      self->sessions_created);
  single (out, "sessions_extended_total", "counter",
      "Times that a session was given more time.", self->sessions_extended);
  single (out, "tokens_minted_total", "counter", "Peer tokens minted.",
      self->tokens_minted);
  single (out, "tokens_revoked_total", "counter", "Tokens taken back.",
      self->tokens_revoked);
  single (out, "http_requests_total", "counter", "HTTP requests answered.",
      self->requests);
  head (out, "http_errors_total", "counter", "HTTP requests refused.");
  for (guint i = 4; i < G_N_ELEMENTS (self->errors); i++)
    labelled (out, "http_errors_total", "class", classes[i], self->errors[i]);
  single (out, "auth_failures_total", "counter",
      "Requests with no token, or one that is not valid here.",
      self->auth_failures);
  single (out, "messages_total", "counter", "WebSocket messages received.",
      self->messages_in);
  single (out, "messages_relayed_total", "counter",
      "Signalling messages handed from peer to peer.", self->messages_relayed);
  single (out, "messages_refused_total", "counter",
      "WebSocket messages answered with an error.", self->messages_refused);
  single (out, "websockets_opened_total", "counter", "WebSockets opened.",
      self->sockets_opened);
  head (out, "websockets_closed_total", "counter", "WebSockets closed.");
  for (guint i = 0; i < PB_SERVER_N_CLOSED; i++)
    labelled (out, "websockets_closed_total", "reason", closed_names[i],
        self->sockets_closed[i]);
  single (out, "stun_requests_total", "counter",
      "STUN binding requests answered.", self->stun_requests);

  head (out, "whip_created_total", "counter",
      "Offers by WHIP and WHEP that an end answered.");
  labelled (out, "whip_created_total", "kind", "whip", self->whip_created[0]);
  labelled (out, "whip_created_total", "kind", "whep", self->whip_created[1]);
  head (out, "whip_refused_total", "counter",
      "Offers by WHIP and WHEP that no end answered, or one refused.");
  labelled (out, "whip_refused_total", "kind", "whip", self->whip_refused[0]);
  labelled (out, "whip_refused_total", "kind", "whep", self->whip_refused[1]);

  return g_string_free (out, FALSE);
}
