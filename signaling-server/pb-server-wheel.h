/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * PbServerWheel:
 * Thousands of deadlines behind one timer: arming, disarming and firing one
 * does not depend on how many there are. Never early, late by two ticks at
 * most. The timer sleeps while nothing is armed.
 */
typedef struct _PbServerWheel PbServerWheel;
typedef struct _PbServerWheelEntry PbServerWheelEntry;

typedef void (*PbServerWheelFunc) (PbServerWheelEntry *entry);

/* Embedded in its owner, zeroed, with func set. */
struct _PbServerWheelEntry {
  PbServerWheelEntry *prev, *next; /* NULL: not armed */
  PbServerWheelFunc func;
  guint64 due; /* in ticks */
};

PbServerWheel *pb_server_wheel_new (guint tick_ms);
void pb_server_wheel_free (PbServerWheel *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PbServerWheel, pb_server_wheel_free)

/* Armed again, it moves. */
void pb_server_wheel_arm (PbServerWheel *self, PbServerWheelEntry *entry,
    guint delay_ms);
void pb_server_wheel_disarm (PbServerWheel *self, PbServerWheelEntry *entry);

G_END_DECLS
