#pragma once
#include <uv.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

// accept4 is a GNU extension that the default feature macros hide from importers.
extern int accept4(int, struct sockaddr *, socklen_t *, int);
static inline int cuv_accept(int listener) {
  return accept4(listener, 0, 0, 02000000 /* SOCK_CLOEXEC */ | 04000 /* SOCK_NONBLOCK */);
}
