// engine: one connection's OpenSSL, between two pieces of memory: ciphertext that has come, and ciphertext that is to go.
//
// A step does what can be done with the ciphertext that is there. It never waits: a fiber that parked in a frame of OpenSSL would
// come back on another thread, where OpenSSL's queue of errors is another's, and so would be the locks that it holds. What OpenSSL
// has to say is taken out of the queue before a step returns.
//
// Not thread-safe, as SSL is not; core.h has the lock.
//
// The memory ends are a BIO of our own, rather than OpenSSL's memory BIO: that one copies what comes once more, and keeps the
// largest buffer that it ever had. Here ciphertext is read where the transport put it, and what goes is handed over as it is.
#pragma once

#include "tls/failure.h"
#include "tls/openssl.h"
#include "tls/settings.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <thrum/tls/certificate.h>

namespace thrum::tls {

inline constexpr std::size_t record = 16 << 10;                // of plaintext, at most
inline constexpr std::size_t sealed_record = record + 256 + 5; // as ciphertext

class engine;
BIO_METHOD* memory_ends();        // of a BIO whose data is an engine; engine_callbacks.cc
void attach(SSL* ssl, engine& e); // callbacks find e by it

enum class stand {
  done,
  wants_input, // feed() it
  ended,       // the peer has said that nothing follows
  failed       // for good; see engine::why()
};

struct step {
  stand how = stand::done;
  std::size_t bytes = 0;
};

// Ciphertext in memory that it owns.
struct block {
  std::unique_ptr<char[]> bytes;
  std::size_t size = 0;
};

class engine {
public:
  // `host`: of a client. Throws std::bad_alloc; for anything else, the first step fails.
  engine(std::shared_ptr<const detail::tls_context> settings, std::string host, bool as_server);
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;
  ~engine();

  step handshake();
  step read(void* into, std::size_t size);
  step write(const void* from, std::size_t size); // at most a record
  void say_end();                                 // close_notify

  bool has_input() const noexcept { return taken_ < input_.size; }
  // Requires: !has_input().
  void feed(block ciphertext) noexcept;
  std::size_t output_size() const noexcept { return output_.size(); }
  std::vector<char> take_output() noexcept { return std::exchange(output_, {}); }

  const fault& why() const noexcept { return *fault_; }
  const std::string& host() const noexcept { return host_; }
  bool is_server() const noexcept { return settings_->is_server; }
  bool is_1_3() const noexcept { return SSL_version(ssl_.get()) == TLS1_3_VERSION; }

  // After the handshake.
  std::string protocol() const;
  std::string cipher() const;
  std::string application_protocol() const;
  std::string server_name() const;
  bool resumed() const noexcept;
  std::optional<certificate_facts> peer_certificate() const;

private:
  friend struct engine_callbacks; // what OpenSSL calls; engine_callbacks.cc

  void prepare();
  step conclude(int returned, std::size_t bytes);
  fault failure() const;

  const std::shared_ptr<const detail::tls_context> settings_;
  const std::string host_;
  block input_;
  std::size_t taken_ = 0; // of input_
  std::vector<char> output_;
  std::optional<fault> fault_;
  std::optional<fault> verification_; // what was wrong with the peer's certificate
  bool no_memory_ = false;            // while OpenSSL called us
  ssl_owner ssl_;                     // last: its end still uses the others
};

} // namespace thrum::tls
