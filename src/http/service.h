// What the connections of a server share.
//
// A connection that has nothing to do is one fiber, parked in a read a few frames below its beginning, and a kilobyte to read into.
// As soon as bytes are there another fiber parses them, calls the handler and writes, until all that has come is answered; then it
// ends. Its stack, which the parser and the handler have made deep, goes back to the pool, and so serves the next request of any
// connection; a spawn and a join take less than a tenth of what a small request costs.
//
// Draining and reading meet in `connection::guard_`: a connection says under it that it is idle, and whoever drains looks at that
// under it. So either the connection learns that it is to end before it reads, or whoever drains sees it idle and ends its read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <thrum/http/server.h>
#include <thrum/mutex.h>
#include <thrum/sharded_counter.h>

namespace thrum::detail {

class http_service {
public:
  http_service(http::handler h, const http::server_options& o);
  ~http_service();

  void talk(http_transport& stream);
  void end_idle(); // from now on, connections end as soon as nothing is to be answered
  std::uint64_t requests() const { return requests_.sum(); }

private:
  class connection;

  const http::handler handler_;
  const http::server_options options_;
  sharded_counter requests_;
  mutex mutex_;
  connection* first_ = nullptr; // guarded by mutex_, as is the next
  bool ending_ = false;
};

} // namespace thrum::detail
