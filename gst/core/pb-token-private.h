/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/pb-token.h"

#include "core/pb-limits.h"

G_BEGIN_DECLS

#define PB_TOKEN_KID_LENGTH 8
/* gid and pid: up to 16 characters of up to 4 octets */
#define PB_TOKEN_GROUP_CHARS 16
#define PB_TOKEN_GROUP_MAX (PB_TOKEN_GROUP_CHARS * 4)
/* SHA-256 in hexadecimal */
#define PB_TOKEN_HASH_LENGTH 64

/* One block without pointers: a verification allocates once. An empty text is
 * an absent claim. */
struct _PbToken
{
  gatomicrefcount ref_count;
  PbRole role;
  PbDirection perm;       /* as written; NONE where `perm` is absent */
  PbDirection directions; /* what that comes to */
  gint64 expires;
  char session[PB_NAME_MAX + 1];
  char stream[PB_NAME_MAX + 1];
  char id[PB_TOKEN_ID_LENGTH + 1];
  char kid[PB_TOKEN_KID_LENGTH + 1];
  char gid[PB_TOKEN_GROUP_MAX + 1];
  char pid[PB_TOKEN_GROUP_MAX + 1];
  char identity[PB_TOKEN_HASH_LENGTH + 1];
};

/* The claims of a payload whose signature has been checked. The identity of a
 * token without an id is left to the caller. PB_ERROR_TOKEN_INVALID. */
PbToken *pb_token_read_claims (const char *json, gsize length, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* (transfer full): compact JSON. */
char *pb_token_write_claims (PbToken *self, const char *kid);

G_END_DECLS
