/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "core/pb-error.h"

G_BEGIN_DECLS

/**
 * PbServerConfig:
 * How the server shall run: defaults, then the file, then the environment,
 * then the command line. Every value has been checked.
 */
typedef struct {
  char *listen_address;    /* an IP literal */
  guint listen_port;       /* 0: any that is free */
  char *public_url;        /* (nullable): http://ADDRESS:PORT */
  gboolean behind_proxy;   /* TLS is ended by a proxy on this machine */
  gboolean insecure_plain; /* off loopback without TLS, asked for in words */
  char **origins;          /* that may open a WebSocket, besides our own */
  gboolean metrics_anywhere;
  guint message_rate;      /* per second and WebSocket; 0: any */

  char *secret;            /* (nullable): wiped on free */
  char *secret_file;       /* (nullable): read again on reload */
  guint rotation_grace_s;  /* how long a replaced secret still verifies */

  gboolean stun;
  char *stun_address;      /* (nullable): as listen_address */
  guint stun_port;
  char *stun_public;       /* (nullable): what clients are told */

  char **turn_urls;        /* of the relay; none: there is no relay */
  char *turn_secret;       /* (nullable): shared with it; wiped on free */
  char *turn_secret_file;  /* (nullable) */
  guint turn_ttl_s;        /* of what is given out */

  gboolean create_local; /* only from this machine, without a token */
  guint sessions_max;
  guint ttl_max_s;
  guint port_first;
  guint port_last;

  char *audit_log;         /* "stderr", "none" or a file */
  gboolean audit_addresses;

  char *file;              /* (nullable): where it came from */
} PbServerConfig;

/**
 * PbServerOptions:
 * The command line, as GOption fills it in. What is NULL, FALSE or absent is
 * left to the file.
 */
typedef struct {
  char *listen;
  char *config;
  char *secret_file;
  char *public_url;
  char *stun;
  char *audit_log;
  gboolean no_stun;
  gboolean behind_proxy;
  gboolean insecure_plain;
  gboolean check_config;
  gboolean generate_secret;
  gboolean version;
  gboolean debug;
} PbServerOptions;

/* PB_ERROR_INVALID: the message names the file, the group and the key. Takes
 * PATCHBAY_SECRET out of the environment. */
PbServerConfig *pb_server_config_load (const PbServerOptions *options,
    GError **error) G_GNUC_WARN_UNUSED_RESULT;
void pb_server_config_free (PbServerConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServerConfig, pb_server_config_free)
/* (transfer full): what is effective, as a config file; no secret in it */
char *pb_server_config_print (const PbServerConfig *self);
gboolean pb_server_config_is_loopback (const PbServerConfig *self);
gboolean pb_server_config_is_wildcard (const char *address);

G_END_DECLS
