// Errors of TLS, made from what OpenSSL says.
#pragma once

#include "tls/openssl.h"

#include <string>

#include <thrum/io/error.h>
#include <thrum/tls/error.h>

namespace thrum::tls {

// What is wrong: a code, and what is particular about it.
struct fault {
  errc code = errc::protocol_error;
  std::string words{};
};

io::error error_of(fault f, const char* operation, const io::subject& about = {});

// Of the thread's queue of errors, after a call that failed fatally; not for certificates (verification.h).
fault fault_of_queue();

} // namespace thrum::tls
