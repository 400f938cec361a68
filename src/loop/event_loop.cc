// event_loop: the public face, and its handles.
#include "env/panic.h"
#include "loop/core.h"

#include <thrum/error.h>
#include <thrum/event_loop.h>

namespace thrum {

event_loop::event_loop(const event_loop_options& o, runtime& where)
    : core_(std::make_unique<loop::core>(*this, o, where)) {}

event_loop::~event_loop() { core_->end(); }

void event_loop::run() { core_->run(nullptr); }
void event_loop::run_first(detail::task& t) { core_->run(&t); }
void event_loop::stop() noexcept { core_->stop(); }

bool event_loop::alive() const noexcept {
  core_->check_here("alive() of an event_loop from outside, while it runs");
  return core_->alive();
}

std::shared_ptr<loop::timer_node> event_loop::add_timer(std::chrono::nanoseconds d, bool repeats, function f,
                                                        place site) {
  core_->check_here("a timer of an event_loop is set from outside, while it runs");
  return core_->add_timer(d.count(), repeats, std::move(f), site);
}

std::shared_ptr<loop::immediate_node> event_loop::add_immediate(function f, place site) {
  core_->check_here("set_immediate() of an event_loop from outside, while it runs");
  return core_->add_immediate(std::move(f), site);
}

void event_loop::add_tick(detail::task& t) noexcept {
  core_->check_here("next_tick() of an event_loop from outside, while it runs");
  core_->add_tick(t);
}
void event_loop::add_microtask(detail::task& t) noexcept {
  core_->check_here("queue_microtask() of an event_loop from outside, while it runs");
  core_->add_microtask(t);
}
void event_loop::add_close(detail::task& t) noexcept {
  core_->check_here("queue_close() of an event_loop from outside, while it runs");
  core_->add_close(t);
}

void event_loop::check_async() const noexcept {
  if (!core_->is_here())
    env::panic("call_async() of an event_loop from outside",
               "it is for what runs on the loop; others start coroutines there with spawn()");
}

event_loop::keeper event_loop::keep() noexcept {
  core_->keep();
  return keeper(*this);
}
void event_loop::let_go() noexcept { core_->let_go(); }

std::chrono::nanoseconds event_loop::now() const noexcept { return std::chrono::nanoseconds(core_->now()); }
void event_loop::advance(std::chrono::nanoseconds by) noexcept {
  core_->check_here("advance() of an event_loop from outside, while it runs");
  core_->advance(by.count());
}

loop_lag event_loop::lag() const noexcept {
  using std::chrono::nanoseconds;
  const loop::lag_histogram& h = core_->lag;
  return {.count = h.count(),
          .p50 = nanoseconds(h.quantile(0.5)),
          .p99 = nanoseconds(h.quantile(0.99)),
          .max = nanoseconds(h.max())};
}
std::chrono::nanoseconds event_loop::lag_quantile(double q) const noexcept {
  return std::chrono::nanoseconds(core_->lag.quantile(q));
}
void event_loop::reset_lag() noexcept {
  core_->check_here("reset_lag() of an event_loop from outside, while it runs");
  core_->lag.reset();
}
void event_loop::watch_slow(std::chrono::nanoseconds threshold, std::function<void(const slow_callback&)> f) {
  core_->check_here("on_slow() of an event_loop from outside, while it runs");
  core_->watch_slow(threshold.count(), std::move(f));
}

void event_loop::post(detail::task& t) { core_->post(t); }
void event_loop::post_reaction(detail::task& t) {
  if (core_->is_here()) return core_->add_microtask(t);
  core_->post(t);
}
executor& event_loop::fibers() noexcept { return core_->fibers; }

void event_loop::refuse_unfinished() {
  throw rejected("thrum: event_loop::run() of a coroutine: the loop was stopped before its end");
}

// ---- handles

namespace {

template <class Node> loop::core* loop_of(const std::shared_ptr<Node>& n, const char* what) noexcept {
  if (n == nullptr || n->belongs_to->of == nullptr) return nullptr;
  n->belongs_to->of->check_here(what);
  return n->belongs_to->of;
}
constexpr const char* misuse_of_timer = "a timer of an event_loop is changed from outside, while it runs";
constexpr const char* misuse_of_immediate =
    "an immediate of an event_loop is changed from outside, while it runs";

} // namespace

void loop_timer::clear() noexcept {
  if (loop::core* c = loop_of(node_, misuse_of_timer)) c->clear(*node_);
}
void loop_timer::refresh() noexcept {
  if (loop::core* c = loop_of(node_, misuse_of_timer)) c->set_again(node_);
}
void loop_timer::ref() noexcept {
  if (loop::core* c = loop_of(node_, misuse_of_timer)) c->set_ref(*node_, true);
}
void loop_timer::unref() noexcept {
  if (loop::core* c = loop_of(node_, misuse_of_timer)) c->set_ref(*node_, false);
}
bool loop_timer::has_ref() const noexcept { return node_ != nullptr && node_->has_ref; }
bool loop_timer::active() const noexcept { return node_ != nullptr && node_->linked; }

void loop_immediate::clear() noexcept {
  if (loop::core* c = loop_of(node_, misuse_of_immediate)) c->clear(*node_);
}
void loop_immediate::ref() noexcept {
  if (loop::core* c = loop_of(node_, misuse_of_immediate)) c->set_ref(*node_, true);
}
void loop_immediate::unref() noexcept {
  if (loop::core* c = loop_of(node_, misuse_of_immediate)) c->set_ref(*node_, false);
}
bool loop_immediate::has_ref() const noexcept { return node_ != nullptr && node_->has_ref; }

} // namespace thrum
