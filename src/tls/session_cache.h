// What a client has kept of earlier connections, by host: the tickets with which a server knows it again.
//
// Guarded by a lock of the thread's, not a fiber's: OpenSSL hands new tickets over from within its frames, where nothing may park.
// It is held for a look-up in a table.
#pragma once

#include "tls/openssl.h"

#include <array>
#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

namespace thrum::tls {

class session_cache {
public:
  explicit session_cache(std::size_t hosts) noexcept : most_(hosts) {}

  bool keeps() const noexcept { return most_ != 0; }
  void put(const std::string& host, session_owner session);
  session_owner take(const std::string& host); // the newest; null: none

private:
  static constexpr std::size_t each = 2; // tickets of a host: as many as a server sends

  struct entry {
    std::string host;
    std::array<session_owner, each> newest; // null: no more
  };

  const std::size_t most_;
  std::mutex lock_;
  std::list<entry> by_use_; // the last used host first
  std::unordered_map<std::string, std::list<entry>::iterator> by_host_;
};

} // namespace thrum::tls
