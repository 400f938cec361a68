#include "pool/core.h"

#include "env/modules.h"
#include "env/panic.h"
#include "pool/link.h"

#include <algorithm>
#include <cstring>
#include <new>

#include <thrum/with_timeout.h>

namespace thrum {

namespace pool {

core::core(process_pool_options o, unsigned processes) : options(std::move(o)) {
  keepers_.reserve(processes);
  fibers_.reserve(processes);
  idle_.reserve(processes);
  for (unsigned i = 0; i < processes; ++i) keepers_.push_back(std::make_unique<keeper>(*this));
}

core::~core() = default;

void core::start() {
  std::vector<future<void>> ready;
  ready.reserve(keepers_.size());
  for (auto& k : keepers_) {
    ready.push_back(k->first());
    fibers_.push_back(spawn({.name = "keeper"}, [mine = k.get()] { mine->work(); }));
  }
  std::exception_ptr first_failure;
  for (auto& r : ready) try {
      r.get();
    } catch (const cancelled&) { throw; } catch (...) {
      if (first_failure == nullptr) first_failure = std::current_exception();
    }
  if (first_failure != nullptr) std::rethrow_exception(first_failure);
}

void core::submit(const job_ref& job) {
  job_list one{job};
  bool is_open;
  keeper* idle = nullptr;
  {
    const base::spin_guard hold(lock_);
    is_open = open_;
    if (is_open) {
      job->id = ++last_id_;
      job->place_ = one.begin();
      queue_.splice(queue_.end(), one);
      job->stage_ = detail::pool_job::stage::queued;
      idle = pop_idle();
    }
  }
  if (!is_open) throw rejected("thrum: a process_pool takes no more calls after shutdown(): submit before");
  if (idle != nullptr) idle->wake();
}

// Requires: the lock. Null: none is idle.
keeper* core::pop_idle() noexcept {
  if (idle_.empty()) return nullptr;
  keeper* const k = idle_.back();
  idle_.pop_back();
  return k;
}

void core::leave_idle(keeper& k) noexcept {
  keeper* another = nullptr;
  {
    const base::spin_guard hold(lock_);
    if (std::erase(idle_, &k) != 0 || queue_.empty()) return;
    another = pop_idle(); // it was woken for a call, perhaps
  }
  if (another != nullptr) another->wake();
}

job_ref core::take(keeper& by) {
  job_list one;
  {
    const base::spin_guard hold(lock_);
    std::erase(idle_, &by); // it was woken for something else
    if (queue_.empty()) {
      idle_.push_back(&by);
      return nullptr;
    }
    one.splice(one.end(), queue_, queue_.begin());
    detail::pool_job& job = *one.front();
    job.stage_ = detail::pool_job::stage::taken;
    job.keeper_ = &by;
    by.current_ = &job;
    ++running_;
  }
  return std::move(one.front());
}

void core::release(detail::pool_job& job) noexcept {
  const base::spin_guard hold(lock_);
  job.stage_ = detail::pool_job::stage::done;
  job.keeper_->current_ = nullptr;
  job.keeper_ = nullptr;
  --running_;
}

bool core::asked_to_stop(const detail::pool_job& job) const noexcept {
  const base::spin_guard hold(lock_);
  return job.asked_to_stop_;
}

bool core::is_ending() const noexcept {
  const base::spin_guard hold(lock_);
  return ending_;
}

void core::stop(detail::pool_job& job) noexcept {
  job_list dropped;
  keeper* busy = nullptr;
  {
    const base::spin_guard hold(lock_);
    job.asked_to_stop_ = true;
    busy = job.keeper_;
    if (job.stage_ == detail::pool_job::stage::queued) {
      dropped.splice(dropped.end(), queue_, job.place_);
      job.stage_ = detail::pool_job::stage::done;
    }
  }
  if (busy != nullptr) busy->wake();
  if (!dropped.empty()) job.fail(std::make_exception_ptr(cancelled(cancel_reason::user)));
}

void core::shutdown() noexcept {
  {
    const base::spin_guard hold(lock_);
    open_ = false;
  }
  closing.close();
}

core::job_list core::take_all() noexcept {
  job_list all;
  const base::spin_guard hold(lock_);
  open_ = false;
  for (const job_ref& job : queue_) job->stage_ = detail::pool_job::stage::done;
  all.splice(all.end(), queue_);
  return all;
}

void core::reject(const job_list& all) noexcept {
  for (const job_ref& job : all)
    job->fail(
        std::make_exception_ptr(rejected("thrum: the process_pool has ended before this call was made")));
}

void core::end() noexcept {
  const job_list dropped = take_all();
  {
    const base::spin_guard hold(lock_);
    ending_ = true;
    for (const auto& k : keepers_)
      if (k->current_ != nullptr) k->current_->asked_to_stop_ = true;
  }
  ending.close();
  closing.close();
  for (const auto& k : keepers_) k->wake();
  reject(dropped);
  shield([&] {
    for (fiber<>& f : fibers_) try {
        f.join();
      } catch (const cancelled&) {} // its runtime has ended before it began
  });
  fibers_.clear();
}

void core::keeper_left() noexcept {
  {
    const base::spin_guard hold(lock_);
    if (++keepers_left_ != keepers_.size()) return;
  }
  reject(take_all());
}

void core::count_start() noexcept {
  const base::spin_guard hold(lock_);
  ++started_;
}

std::size_t core::queued() const noexcept {
  const base::spin_guard hold(lock_);
  return queue_.size();
}
unsigned core::running() const noexcept {
  const base::spin_guard hold(lock_);
  return running_;
}
std::uint64_t core::started() const noexcept {
  const base::spin_guard hold(lock_);
  return started_;
}
std::vector<int> core::ids() const {
  std::vector<int> all;
  for (const auto& k : keepers_)
    if (const int id = k->id(); id != 0) all.push_back(id);
  return all;
}

} // namespace pool

namespace detail {

std::vector<std::byte> begin_job(remote_function f) {
  env::code_place place;
  if (!env::place_of(reinterpret_cast<const void*>(f), place))
    env::panic("a function that lies in no file cannot be called in another process");
  std::vector<std::byte> room(pool::head_size + sizeof place);
  std::memcpy(room.data() + pool::head_size, &place, sizeof place);
  return room;
}

void submit_job(const std::shared_ptr<pool::core>& to, const std::shared_ptr<pool_job>& job) {
  to->submit(job);
}
void stop_job(pool::core& of, pool_job& job) noexcept { of.stop(job); }

} // namespace detail

remote_error::remote_error(std::string type, const std::string& what)
    : std::runtime_error(what), type_(std::make_shared<const std::string>(std::move(type))) {}

worker_died::worker_died(const exit_status& how)
    : std::runtime_error("thrum: the process that was to make this call has ended: " + how.to_string()),
      status_(how) {}

process_pool::process_pool(process_pool_options o) {
  // A pool that is a static object, in a process that was started for it: here is where that process learns what it is.
  detail::enter_pool({nullptr, nullptr}, 0, nullptr, nullptr);
  const unsigned processes = o.processes != 0 ? o.processes : pool::usable_cpus();
  core_ = std::make_shared<pool::core>(std::move(o), processes);
  try {
    core_->start();
  } catch (...) {
    core_->end();
    throw;
  }
}

process_pool::~process_pool() { core_->end(); }

void process_pool::shutdown() noexcept { core_->shutdown(); }
unsigned process_pool::processes() const noexcept { return core_->processes(); }
std::size_t process_pool::queued() const noexcept { return core_->queued(); }
unsigned process_pool::running() const noexcept { return core_->running(); }
std::vector<int> process_pool::ids() const { return core_->ids(); }
std::uint64_t process_pool::started() const noexcept { return core_->started(); }

} // namespace thrum
