// The other side of a process_pool: what a process does that a pool has started.
//
// It is this program once more, with a variable in its environment that says what it is to be, and a socket as descriptor 3. Where main
// would begin is the end of the constructors; nobody calls us there. But a constructor of our own is called somewhere among
// them (every file that includes process_pool.h has one), and that one can do what the loader would have done next: call those that
// come after it. Then all static objects of that program or library are made, and we serve, and never return; exit() destroys them.
//
// Libraries begin before the program. If several of them, or the program and one of them, have such a constructor, that of the program
// counts, or else of the first library in the loader's order: each tells where `pool_mark` lies, which all of them share. (Who uses a
// pool in a library only, and calls functions that need static objects of the program, includes the header in the program, too.)
//
// Rejected: entering where main makes its first runtime. Everything that main does before would be done again in each process:
// its arguments parsed, its files opened, its greeting printed.
//
// Two fibers: one reads, so it hears of a stop and of the parent's end while the other one calls. The parent's end is the end of
// the stream, which the kernel brings about however the parent dies; so nothing that computes for ever outlives it, as a fiber that
// computes loses its processor to the one that reads. (PR_SET_PDEATHSIG would tell of the end of the thread that has started us, and
// threads of a runtime come and go.)
//
// Orderings: `busy` is written by the one who calls, before the answer is sent, and by the reader, before the call is handed over.
#define THRUM_HAS_NO_POOL_ENTRY // we may be a library of our own

#include "base/atomic.h"
#include "env/environment.h"
#include "env/startup.h"
#include "env/trace.h"
#include "pool/link.h"
#include "pool/wire.h"

#include <cstring>
#include <cxxabi.h>
#include <memory>
#include <mutex>

#include <thrum/chan.h>
#include <thrum/detail/stop_scope.h>
#include <thrum/mutex.h>
#include <thrum/process_pool.h>
#include <thrum/runtime.h>
#include <thrum/spawn.h>

namespace thrum::pool {

namespace {

constexpr std::size_t stack_size = std::size_t{8} << 20; // as the system gives a main thread

// What is called, and how it is asked to stop while it is.
class call {
public:
  explicit call(message m) noexcept : said(std::move(m)) {}

  template <class F> void make(F&& f) {
    detail::stop_scope scope(detail::stop_scope::kind::limit);
    enter(&scope);
    try {
      std::forward<F>(f)();
    } catch (...) {
      enter(nullptr);
      throw;
    }
    enter(nullptr);
  }
  void request_stop() noexcept {
    const std::lock_guard hold(mutex_);
    asked_ = true;
    if (scope_ != nullptr) scope_->request(cancel_reason::user);
  }

  message said;

private:
  void enter(detail::stop_scope* scope) noexcept {
    const std::lock_guard hold(mutex_);
    scope_ = scope;
    if (scope_ != nullptr && asked_) scope_->request(cancel_reason::user);
  }

  mutex mutex_; // guards:
  detail::stop_scope* scope_ = nullptr;
  bool asked_ = false;
};
using call_ref = std::shared_ptr<call>;

std::string type_in_flight() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  return type != nullptr ? env::demangled(type->name()) : "unknown";
}

class server {
public:
  server(net::unix_stream link, shared_mailboxes boxes) : link_(std::move(link)), boxes_(std::move(boxes)) {}

  void serve() {
    fiber<> caller = spawn({.name = "caller", .stack = stack_size}, [this] {
      for (const call_ref& c : calls_) answer(*c);
    });
    if (!send(link_, message_kind::ready, 0)) env::end_group();
    call_ref now;
    while (auto m = next()) {
      if (m->kind == message_kind::stop) {
        if (now != nullptr && now->said.id == m->id) now->request_stop();
        continue;
      }
      now = std::make_shared<call>(std::move(*m));
      busy_.store(true, std::memory_order_relaxed); // relaxed: see the head
      calls_.send(now);
    }
    if (busy_.load(std::memory_order_relaxed)) env::end_group(); // relaxed: see the head
    calls_.close();
    caller.join();
  }

private:
  io::result<message> next() { return calls_soon_.await() ? take(boxes_->calls) : receive(link_); }

  void answer(call& c) {
    boxes_->begun.store(c.said.id, std::memory_order_relaxed); // relaxed: read when we are dead
    std::vector<std::byte> room(head_size);
    std::vector<detail::attachment> beside;
    message_kind kind = message_kind::value;
    try {
      encoder out(std::move(room));
      out.allow_attachments();
      c.make([&] { make(c.said, out); });
      room = out.finish();
      beside = out.take_attachments();
    } catch (const cancelled&) {
      kind = message_kind::stopped;
      room.assign(head_size, {});
    } catch (const std::exception& e) {
      kind = message_kind::failed;
      room = failure(e.what());
    } catch (...) {
      kind = message_kind::failed;
      room = failure("");
    }
    const std::uint64_t id = c.said.id;
    c.said = {};
    busy_.store(false, std::memory_order_relaxed); // relaxed: see the head
    if (leave(boxes_->answers, kind, id, room, beside)) return;
    if (!send(link_, kind, id, room, beside)) env::end_group(); // nobody listens
  }

  static void make(const message& said, encoder& out) {
    const std::span<const std::byte> what = said.what.bytes();
    env::code_place place;
    if (what.size() < sizeof place) throw codec_error("thrum: a call without a function");
    std::memcpy(&place, what.data(), sizeof place);
    const auto f =
        reinterpret_cast<detail::remote_function>(reinterpret_cast<std::uintptr_t>(env::code_at(place)));
    if (f == nullptr)
      throw std::runtime_error(
          "thrum: the function lies in a library that is not loaded in the processes of the pool "
          "(or in another build of it): link it, instead of loading it with dlopen");
    const std::vector<int> attached = said.descriptors();
    decoder in(what.subspan(sizeof place), attached);
    f(in, out);
  }

  static std::vector<std::byte> failure(const char* what) {
    encoder out{std::vector<std::byte>(head_size)};
    out.write(type_in_flight());
    out.write(std::string(what));
    return out.finish();
  }

  net::unix_stream link_;
  shared_mailboxes boxes_;
  lookout calls_soon_{boxes_->calls};
  chan<call_ref> calls_;
  base::atomic<bool> busy_{false};
};

} // namespace

} // namespace thrum::pool

namespace thrum::detail {

void enter_pool(const pool_entry& at, int argc, char** argv, char** environment) {
  if (env::variable(pool::worker_variable) == nullptr) return;
  if (at.self != nullptr && !env::in_same_module(reinterpret_cast<const void*>(at.self), at.mark))
    return; // the program has an entry of its own, which comes later: libraries begin before it
  env::forget_variable(pool::worker_variable); // for what it starts, and for the constructors that come now
  if (at.self != nullptr) env::call_constructors_after(at.self, argc, argv, environment);
  env::name_this_process("thrum-pool");
  {
    runtime r({.processors = 1, .name = "pool", .drain = std::chrono::seconds(1)});
    r.run([] { pool::server(pool::adopt_link(), pool::adopt_mailboxes()).serve(); });
  }
  env::end_process(0);
}

} // namespace thrum::detail
