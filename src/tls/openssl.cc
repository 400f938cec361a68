#include "tls/openssl.h"

namespace thrum::tls {

// Without this, OpenSSL takes itself apart in an exit handler, while fibers of the default runtime may still be using it, and
// before contexts that are static objects are destroyed. Its memory goes with the process.
void begin_openssl() noexcept { OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, nullptr); }

} // namespace thrum::tls
