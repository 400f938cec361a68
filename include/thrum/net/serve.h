// server: a fiber for each connection of a listener, as many at a time as are allowed, and an orderly end.
//
//   thrum::net::server server({.max_connections = 10'000});
//   auto listener = thrum::net::tcp_listener::listen("127.0.0.1:8080").value();
//   thrum::fiber<> serving = thrum::spawn([&] {
//     server.serve(listener, [](const thrum::net::tcp_stream& stream) {
//       char buffer[4096];
//       while (auto n = stream.read_some(buffer, 30s))
//         if (*n == 0 || !stream.write_all({buffer, *n})) return;
//     }).value();
//   });
//   server.drain(10s);                   // no new ones; those that run may take 10 s, then they are asked to stop
//   serving.join();
//
// Listeners are those of net/tcp.h and net/unix.h, and whatever has their accept() and close(). Several fibers may serve several
// listeners (listen_shards) with one server, which counts and drains them together.
//
// When descriptors run out, and connections cannot do without (net/tcp.h), accept fails although somebody waits to be served. serve()
// then waits a while (5 to 100 ms, growing) and tries again, and goes on as before when there are descriptors again. With `shed`,
// who has waited in vain for one such while is let in and closed at once, so that it can go elsewhere instead of waiting for
// nobody; serve() keeps one descriptor in reserve for that.
//
// What the caller owes   The listener outlives serve(); the server outlives every serve() and drain() on it.
// What is guaranteed     When serve() returns or throws, all of its handlers have ended. A connection is closed when its handler
//                        has ended. More than max_connections handlers never run; beyond them, each listener accepts one
//                        connection, which waits for its turn, and the others wait in the kernel. An exception that leaves a
//                        handler is treated as one that leaves a function of go(), and harms no other connection.
// Draining               drain() closes the listeners: what nobody has accepted is reset by the kernel. Handlers go on until they end,
//                        or the deadline passes; then they are asked to stop, and drain() waits until they have. A server that
//                        was drained serves nobody any more: serve() closes its listener and returns.
// Cancellation           If who serves is asked to stop, so are its handlers; serve() waits for them and throws `cancelled`. If who
//                        drains is asked to stop, drain() throws `cancelled`, and the draining goes on.
// May park               serve(), drain().
// Happens-before         the end of every handler -> the return of drain(), and of serve().
// When it dies           Nobody may be inside serve(): that panics.
// Errors                 serve(): nothing when it was drained or the listener was closed; else what accept failed with
//                        (io::errc::runtime_ended, deadline). Failures to accept one connection are passed over.
// Cost                   A task of a task_group and some 100 ns a connection.
// Source of the idea     Go's http.Server: Serve and Shutdown.
#pragma once

#include <thrum/condition_variable.h>
#include <thrum/go.h>
#include <thrum/io/error.h>
#include <thrum/io/handle.h>
#include <thrum/mutex.h>
#include <thrum/task_group.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <type_traits>
#include <utility>

namespace thrum::env {
class world;
} // namespace thrum::env

namespace thrum::net {

struct serve_options {
  unsigned max_connections = 0;    // handlers at a time; 0: no limit
  bool shed = true;                // without descriptors: close who waits, instead of letting it wait
  const char* name = "connection"; // of the handlers' fibers, in reports; outlives the server
};

class server {
public:
  server() = default;
  explicit server(const serve_options& o) : options_(o) {}
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  // Accepts, and calls handler(stream) in a fiber of its own for each connection, until the server is drained or the listener
  // closed; then waits for the handlers.
  template <class Listener, class Handler> io::result<void> serve(const Listener& l, Handler handler);

  // True: all handlers have ended by themselves, none had to be asked.
  bool drain(io::deadline until = {});

  [[nodiscard]] std::size_t connections() const; // handlers that run
  [[nodiscard]] std::uint64_t accepted() const;  // so far, with those that wait for their turn
  [[nodiscard]] std::uint64_t shed() const;      // of them, closed for want of descriptors

private:
  // One serve() in progress.
  class serving {
  public:
    serving(server& s, task_group<>& g, const void* listener, void (*close)(const void*) noexcept);
    ~serving();
    serving(const serving&) = delete;
    serving& operator=(const serving&) = delete;

    bool is_over() const noexcept { return over_; } // the server was drained before
    void count_accepted();
    // After a failed accept: true if it is to be tried again, behind a while.
    bool try_again(const io::error& e);
    // There was no descriptor, also after a while.
    bool must_shed() const noexcept { return shedding_; }
    void end_shedding() noexcept;
    void give_reserve() noexcept; // the descriptor in reserve is free for one accept
    bool take_reserve() noexcept; // or has it, or needs none; false: there is no descriptor for it
    void count_shed();

  private:
    friend class server;
    server& server_;
    task_group<>& group_;
    const void* const listener_;
    void (*const close_)(const void*) noexcept;
    env::world& world_;
    serving* next_ = nullptr; // guarded by the server's mutex, as is the next
    serving* previous_ = nullptr;
    bool over_ = false;
    int reserve_ = -1;
    unsigned failures_ = 0; // in a row
    unsigned shed_now_ = 0; // since the last while
    bool shedding_ = false;
  };

  // The right to run a handler.
  class place {
  public:
    place() noexcept = default;
    explicit place(server& s) noexcept : server_(&s) {}
    place(place&& other) noexcept : server_(std::exchange(other.server_, nullptr)) {}
    place& operator=(place&&) = delete;
    ~place() {
      if (server_ != nullptr) server_->end_one();
    }
    explicit operator bool() const noexcept { return server_ != nullptr; }

  private:
    server* server_ = nullptr;
  };

  // What runs in the fiber of a connection. Members end from the last to the first: the stream before the place.
  template <class Stream, class Handler> struct connection {
    place here;
    Handler* handler;
    Stream stream;

    void operator()() {
      try {
        (*handler)(std::move(stream));
      } catch (const cancelled&) {
      } catch (...) { report_failure(std::current_exception()); }
    }
  };

  place begin_one(); // waits; empty: the server was drained
  void end_one() noexcept;
  static void report_failure(std::exception_ptr error) noexcept;
  template <class Listener> static auto shed_waiting(const Listener& l, serving& s) -> decltype(l.accept());

  const serve_options options_{};
  mutable mutex mutex_;
  condition_variable changed_; // running_ and draining_
  serving* first_ = nullptr;   // guarded, as all that follows
  std::size_t running_ = 0;    // handlers
  std::uint64_t accepted_ = 0;
  std::uint64_t shed_ = 0;
  bool draining_ = false;
};

// ---- the templates

// A connection is served only while the reserve is held, so that there always is one to shed the next by. Whoever sheds gives it up
// before accept and takes it back behind it: if it finds another place, the want is over and the connection is served.
template <class Listener, class Handler> io::result<void> server::serve(const Listener& l, Handler handler) {
  using stream_type = std::remove_cvref_t<decltype(*l.accept())>;
  task_group<> group({.name = options_.name});
  serving self(*this, group, &l,
               [](const void* listener) noexcept { static_cast<const Listener*>(listener)->close(); });
  io::result<void> outcome;
  while (!self.is_over()) {
    if (self.must_shed()) self.give_reserve();
    auto stream = self.must_shed() ? l.accept(io::deadline(std::chrono::seconds(0))) : l.accept();
    if (!stream) {
      if (stream.error() == io::errc::closed) break;
      if (self.must_shed() && stream.error() == io::errc::deadline) { // nobody waits any more
        self.end_shedding();
        continue;
      }
      if (!self.try_again(stream.error())) {
        outcome = stream.error();
        break;
      }
      continue;
    }
    if (!self.take_reserve()) {
      self.count_shed();
      if constexpr (requires { stream->reset_on_close(true); })
        static_cast<void>(stream->reset_on_close(true));
      stream->close();
      self.take_reserve();
      continue;
    }
    self.count_accepted();
    place here = begin_one();
    if (!here) break;
    try {
      group.spawn(connection<stream_type, Handler>{std::move(here), &handler, std::move(*stream)});
    } catch (const std::bad_alloc&) { // this one is closed; perhaps there is memory for the next
    }
  }
  group.join();
  return outcome;
}

} // namespace thrum::net
