// isolate: a runtime with one thread, an event_loop on it, and the function as a fiber or coroutine of that loop.
//
// The root, a detached fiber of that runtime, makes the loop, starts the function, runs the loop and tells the end: both channels are
// closed, and `done` is counted down. What is left then (fibers of the loop that wait for something, others of the runtime) holds up
// the destructors of loop and runtime only until the end of the runtime, which who owns the isolate brings about, has asked it to stop.
//
// The state belongs to the owner and the root together: an isolate that does not stop is left behind, and has it still.
#include "env/panic.h"
#include "sync/unhandled.h"

#include <thrum/blocking.h>
#include <thrum/detail/isolate_core.h>
#include <thrum/error.h>
#include <thrum/latch.h>
#include <thrum/mutex.h>
#include <thrum/runtime.h>

#include <mutex>
#include <optional>

namespace thrum::detail {

class isolate_state {
public:
  isolate_state(std::unique_ptr<isolate_body> b, const chan_ref& in, const chan_ref& out,
                const isolate_options& o, std::source_location s) noexcept
      : options(o), site(s), body_(std::move(b)), in_(in), out_(out) {}

  void serve() noexcept; // the root
  void request_stop() noexcept;
  bool asked_to_stop() const noexcept;
  void fail(std::exception_ptr why) noexcept;
  std::exception_ptr take_failure() noexcept;
  void close() noexcept {
    chan_close(chan_access::core(in_), nullptr);
    chan_close(chan_access::core(out_), nullptr);
  }

  const isolate_options options;
  const std::source_location site;
  latch done{1};

private:
  void publish(event_loop* loop, fiber<>* main) noexcept;

  // These two outlive the loop: fibers of the runtime may use them until it ends.
  std::pmr::unsynchronized_pool_resource memory_;
  const std::unique_ptr<isolate_body> body_;
  const chan_ref in_;
  const chan_ref out_;
  mutable mutex lock_; // guards the rest
  event_loop* loop_ = nullptr;
  fiber<>* main_ = nullptr;
  std::exception_ptr failure_;
  bool asked_ = false;
};

namespace {

// A loop that has ended takes up nothing, and a coroutine that would go on there learns it.
bool is_rejected(const std::exception_ptr& why) noexcept {
  try {
    std::rethrow_exception(why);
  } catch (const rejected&) { return true; } catch (...) {
    return false;
  }
}

} // namespace

void fail_isolate(isolate_state& s, std::exception_ptr why) noexcept { s.fail(std::move(why)); }

void isolate_state::publish(event_loop* loop, fiber<>* main) noexcept {
  const std::scoped_lock hold(lock_);
  loop_ = loop;
  main_ = main;
  if (loop == nullptr || (!asked_ && failure_ == nullptr)) return;
  main->request_stop();
  loop->stop();
}

void isolate_state::request_stop() noexcept {
  const std::scoped_lock hold(lock_);
  asked_ = true;
  if (loop_ == nullptr) return; // it has not begun, or has ended
  main_->request_stop();
  loop_->stop();
}

bool isolate_state::asked_to_stop() const noexcept {
  const std::scoped_lock hold(lock_);
  return asked_;
}

void isolate_state::fail(std::exception_ptr why) noexcept {
  const std::scoped_lock hold(lock_);
  if (failure_ == nullptr && is_failure(why) && (loop_ != nullptr || !is_rejected(why)))
    failure_ = std::move(why);
  if (loop_ != nullptr) loop_->stop();
}

std::exception_ptr isolate_state::take_failure() noexcept {
  const std::scoped_lock hold(lock_);
  return std::exchange(failure_, nullptr);
}

void isolate_state::serve() noexcept {
  try {
    fiber<> main;
    event_loop loop({.name = options.name}, runtime::current()); // its end is that of main, too
    try {
      body_->place = {.loop = &loop, .memory = &memory_, .state = this};
      main = body_->begin(attrs{.name = options.name, .stack = options.stack}, site);
      publish(&loop, &main);
      loop.run();
    } catch (...) { fail(std::current_exception()); }
    publish(nullptr, nullptr);
    main.request_stop(); // it is there still only if the loop was stopped
    close();
    done.count_down();
  } catch (...) { // there is no loop
    fail(std::current_exception());
    close();
    done.count_down();
  }
}

isolate_core::isolate_core(std::unique_ptr<isolate_body> body, const chan_ref& in, const chan_ref& out,
                           const isolate_options& o, std::source_location site)
    : state_(std::make_shared<isolate_state>(std::move(body), in, out, o, site)),
      runtime_(std::make_unique<runtime>(options{
          .processors = 1,
          .name = o.name,
          .max_threads = 1,
          .drain = o.drain,
          .on_unhandled = [state = state_](std::exception_ptr why) { state->fail(std::move(why)); }})) {
  runtime_->go(attrs{.name = o.name}, [state = state_] { state->serve(); }, site);
}

isolate_core::isolate_core(isolate_core&&) noexcept = default;
isolate_core& isolate_core::operator=(isolate_core&& other) noexcept {
  if (this == &other) return *this;
  isolate_core taken(std::move(other));
  std::swap(state_, taken.state_);
  std::swap(runtime_, taken.runtime_);
  return *this;
}
isolate_core::~isolate_core() {
  if (state_ == nullptr) return;
  request_stop();
  end();
  const std::exception_ptr failure = state_->take_failure();
  env::report message;
  if (failure != nullptr &&
      sync::report_unseen(failure, "what ended an isolate was dropped with it", nullptr, message))
    message.text("  join() it, or catch it there\n").flush();
}

void isolate_core::request_stop() noexcept {
  if (state_ != nullptr) state_->request_stop();
}

bool isolate_core::ended() const noexcept { return state_ == nullptr || state_->done.try_wait(); }

void isolate_core::end() noexcept {
  blocking([this] { runtime_.reset(); });
  state_->close(); // it may have been left behind
}

void isolate_core::join() {
  if (state_ == nullptr)
    env::panic("join of an isolate that was joined already, or moved away", "an isolate is joined once");
  // One that was asked is ended with its runtime, which asks whatever it has started, too, and does not wait for ever.
  if (!state_->asked_to_stop()) state_->done.wait();
  end();
  const std::shared_ptr<isolate_state> ended = std::move(state_);
  if (std::exception_ptr failure = ended->take_failure()) std::rethrow_exception(std::move(failure));
}

} // namespace thrum::detail
