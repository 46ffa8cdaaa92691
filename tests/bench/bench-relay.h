/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A server as a child process: its CPU time, its memory, its clients. */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <gio/gio.h>

#define N_FDS_MAX 8000

typedef struct {
  GSubprocess *process;
  pid_t pid;
  guint16 port;
  int fds[N_FDS_MAX];
  guint n_fds;
} Server;

static inline double
get_cpu (Server *self)
{
  clockid_t clock;
  struct timespec time;

  if (clock_getcpuclockid (self->pid, &clock) != 0 ||
      clock_gettime (clock, &time) != 0)
    g_error ("no CPU clock");
  return time.tv_sec + time.tv_nsec / 1e9;
}

static inline double
get_kib (Server *self)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/statm", self->pid);
  g_autofree char *text = NULL;
  char *end;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    g_error ("no %s", path);
  strtoul (text, &end, 10);
  return strtoul (end, NULL, 10) * (sysconf (_SC_PAGESIZE) / 1024.0);
}

/* A server of an interrupted benchmark ends as well. */
static inline void
go_with_parent (gpointer unused)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

static inline void
server_start (Server *self, const char *const *argv)
{
  g_autoptr (GSubprocessLauncher) launcher = NULL;
  g_autoptr (GError) error = NULL;
  GInputStream *output;
  char line[64] = "";
  char *colon;

  launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_subprocess_launcher_set_child_setup (launcher, go_with_parent, NULL, NULL);
  self->process = g_subprocess_launcher_spawnv (launcher, argv, &error);
  if (self->process == NULL)
    g_error ("%s", error->message);
  self->pid = atoi (g_subprocess_get_identifier (self->process));
  output = g_subprocess_get_stdout_pipe (self->process);
  for (gsize i = 0; i < sizeof line - 1; i++)
    if (g_input_stream_read (output, line + i, 1, NULL, NULL) != 1 ||
        line[i] == '\n')
      break;
  colon = strrchr (line, ':');
  self->port = atoi (colon != NULL ? colon + 1 : line);
  self->n_fds = 0;
}

static inline void
server_stop (Server *self)
{
  g_subprocess_force_exit (self->process);
  g_subprocess_wait (self->process, NULL, NULL);
  g_clear_object (&self->process);
  for (guint i = 0; i < self->n_fds; i++)
    close (self->fds[i]);
}

static inline void
read_all (int fd, void *data, gsize size)
{
  if (recv (fd, data, size, MSG_WAITALL) != (gssize) size)
    g_error ("the server has gone");
}

static inline int
compare (const void *a, const void *b)
{
  return *(const double *) a < *(const double *) b ? -1 : 1;
}

/* Thousands of sockets in one process */
static inline void
raise_files (void)
{
  struct rlimit files;

  getrlimit (RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit (RLIMIT_NOFILE, &files);
}
