#include "env/linux/lookup.h"

#include <cerrno>
#include <netdb.h>
#include <sys/socket.h>

namespace thrum::env {

namespace {

// The C library says little about a lack of descriptors or memory: mostly that no server has answered.
bool says_more(int error) noexcept { return error == EMFILE || error == ENFILE || error == ENOMEM; }

int failure_of(int code) noexcept {
  const auto failed = [](lookup_failure why) { return static_cast<int>(why); };
  switch (code) {
  case EAI_NONAME: return failed(lookup_failure::unknown_name);
#if defined(EAI_NODATA)
  case EAI_NODATA:
#endif
#if defined(EAI_ADDRFAMILY)
  case EAI_ADDRFAMILY:
#endif
    return failed(lookup_failure::no_address);
  case EAI_AGAIN: return failed(lookup_failure::no_answer);
  case EAI_FAIL: return failed(lookup_failure::refused);
  case EAI_SERVICE: return failed(lookup_failure::unknown_service);
  case EAI_MEMORY: errno = ENOMEM; return -1;
  case EAI_SYSTEM: return errno != 0 ? -1 : failed(lookup_failure::other);
  default: return failed(lookup_failure::other);
  }
}

} // namespace

int ask_resolver(const char* host, const char* service, world::address_taker take, void* to) noexcept {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM; // each address once; ports of services are those of TCP
  addrinfo* found = nullptr;
  int code;
  do {
    errno = 0;
    code = ::getaddrinfo(host, service, &hints, &found);
  } while (code == EAI_SYSTEM && errno == EINTR);
  if (code != 0) return says_more(errno) ? -1 : failure_of(code);
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next)
    if (a->ai_family == AF_INET || a->ai_family == AF_INET6) take(to, a->ai_addr, a->ai_addrlen);
  ::freeaddrinfo(found);
  return 0;
}

} // namespace thrum::env
