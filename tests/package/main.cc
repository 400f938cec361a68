// The smallest program that uses every kind of header: a fiber, a channel, a mutex, a socket type.
#include <thrum/net/tcp.h>
#include <thrum/thrum.h>
#ifdef CONSUMER_HAS_TLS
#include <thrum/tls.h>
#endif
#ifdef CONSUMER_HAS_HTTP
#include <thrum/http.h>
#endif

#include <cstdio>

int main() {
  return thrum::run([] {
#ifdef CONSUMER_HAS_TLS
    if (!thrum::tls::context::client()) return 1;
#endif
#ifdef CONSUMER_HAS_HTTP
    if (thrum::http::get("nowhere").error() != thrum::http::errc::bad_url) return 1;
#endif
    const thrum::chan<int> c;
    thrum::go([=] { c.send(42); });
    std::printf("%d\n", c.recv().value());
    return 0;
  });
}
