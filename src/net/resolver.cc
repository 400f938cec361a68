// Names. The calls that block run in fibers of the default runtime, which never ends, so that neither a deadline, nor a stop request,
// nor the end of the caller's runtime has to wait for getaddrinfo.
//
// A *lookup* is what goes on for a key (a host, and a service if its port is not known). It is
//   queued    until there is room in the lane: options.at_a_time fibers. If the last who waits for it leaves, it is dropped.
//   running   in a fiber of the lane, which then takes the next from the queue, and ends when there is none.
//   done      its answer is there; the fiber has put it into the cache, unless the cache was cleared meanwhile.
//
// Everything is guarded by one mutex, which is never held across a wait for anything else. mutex does not listen to stop
// requests and holds for less than a microsecond, but for a full cache, in which the place of a new name is searched.
#include "env/panic.h"
#include "io/transfer.h"
#include "net/socket.h"
#include "net/socket_address.h"
#include "net/text.h"
#include "sched/runtime_core.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <new>
#include <string>
#include <unordered_map>
#include <utility>

#include <thrum/blocking.h>
#include <thrum/condition_variable.h>
#include <thrum/mutex.h>
#include <thrum/net/resolve.h>

namespace thrum::net {

namespace {

class resolver_category final : public std::error_category {
public:
  constexpr resolver_category() noexcept = default;
  const char* name() const noexcept override { return "thrum.net.resolve"; }

  std::string message(int value) const override {
    switch (static_cast<resolve_errc>(value)) {
    case resolve_errc::not_known: return "name or service not known";
    case resolve_errc::no_address: return "the name has no address";
    case resolve_errc::no_answer: return "no name server has answered; try again later";
    case resolve_errc::refused: return "the name server cannot or will not answer";
    case resolve_errc::unknown_service: return "no such service; say the number of its port";
    case resolve_errc::failed: return "the system's resolver failed";
    }
    return "?";
  }

  std::error_condition default_error_condition(int value) const noexcept override {
    switch (static_cast<resolve_errc>(value)) {
    case resolve_errc::not_known:
    case resolve_errc::no_address: return std::errc::host_unreachable;
    case resolve_errc::no_answer: return std::errc::resource_unavailable_try_again;
    case resolve_errc::unknown_service: return std::errc::invalid_argument;
    case resolve_errc::refused:
    case resolve_errc::failed: break;
    }
    return {value, *this};
  }
};

// Never destroyed: errors may be compared while static objects are.
union immortal_category {
  constexpr immortal_category() noexcept : category{} {}
  ~immortal_category() {}
  resolver_category category;
};
constinit immortal_category the_category;

// getaddrinfo and the modules that it loads want more than fibers usually have; only what is touched costs memory.
constexpr std::size_t lookup_stack = 1 << 20;

std::error_code code_of_failure(int failure) noexcept {
  if (failure < 0) return {-failure, std::system_category()};
  switch (static_cast<env::lookup_failure>(failure)) {
  case env::lookup_failure::none: return {};
  case env::lookup_failure::unknown_name: return resolve_errc::not_known;
  case env::lookup_failure::no_address: return resolve_errc::no_address;
  case env::lookup_failure::no_answer: return resolve_errc::no_answer;
  case env::lookup_failure::refused: return resolve_errc::refused;
  case env::lookup_failure::unknown_service: return resolve_errc::unknown_service;
  case env::lookup_failure::other: break;
  }
  return resolve_errc::failed;
}

// That a name does not exist is worth knowing for a while; that nobody could be asked is not.
bool worth_keeping(const std::error_code& code) noexcept {
  return !code || code == resolve_errc::not_known || code == resolve_errc::no_address ||
         code == resolve_errc::unknown_service;
}

// What came out: addresses, or why there are none.
struct answer {
  std::vector<endpoint> found; // with the port of the service, or 0
  std::error_code code;
};

struct collected {
  std::vector<endpoint> found;
  bool no_memory = false;
};

void collect(void* to, const sockaddr* address, unsigned size) noexcept {
  auto& all = *static_cast<collected*>(to);
  if (size > sizeof(sockaddr_storage)) return;
  const endpoint e = socket_address(address, size).to_endpoint();
  if (std::find(all.found.begin(), all.found.end(), e) != all.found.end()) return;
  try {
    all.found.push_back(e);
  } catch (const std::bad_alloc&) { all.no_memory = true; }
}

answer ask(const std::string& host, const std::string& service) noexcept {
  env::world& world = io::runtime_here().world;
  collected all;
  int failure = world.look_up(host.c_str(), service.empty() ? nullptr : service.c_str(), &collect, &all);
  if (failure == 0 && all.no_memory) failure = -ENOMEM;
  if (failure == 0 && all.found.empty()) failure = static_cast<int>(env::lookup_failure::no_address);
  if (failure != 0) return {.found = {}, .code = code_of_failure(failure)};
  return {.found = std::move(all.found), .code = {}};
}

io::error failed(const std::error_code& code, std::string_view about) noexcept {
  return {.code = code, .operation = "resolve", .about = io::subject::named(about)};
}

std::vector<endpoint> with_port(std::vector<endpoint> all, std::uint16_t port) {
  for (endpoint& e : all) e = e.with_port(port);
  return all;
}

} // namespace

const std::error_category& resolve_category() noexcept { return the_category.category; }

struct name_resolver::state : std::enable_shared_from_this<state> {
  // Guarded by `lock`, but for the names.
  struct lookup {
    std::string key;
    std::string host;
    std::string service;
    unsigned waiting = 0;
    bool running = false;
    bool keep = true; // false: the cache was cleared since
    bool done = false;
    answer found;
    condition_variable changed;
  };
  struct known {
    answer what;
    detail::deadline_t until;
  };

  mutex lock; // of everything below
  resolver_options options;
  std::unordered_map<std::string, known> cache;
  std::unordered_map<std::string, std::shared_ptr<lookup>> under_way; // those that may be joined
  std::deque<std::shared_ptr<lookup>> queue;
  unsigned lane = 0; // fibers that look up

  answer get(std::string host, std::string service, detail::deadline_t until, bool& late);

private:
  std::shared_ptr<lookup> join_or_begin(const std::string& key, std::string host, std::string service);
  void enter_lane();
  void serve() noexcept;
  void finish(lookup& l, answer&& found) noexcept;
  void remember(const std::string& key, const answer& what);
  void leave(const std::shared_ptr<lookup>& l) noexcept;
  void forget(const lookup& l) noexcept;
};

// From the cache, or from a lookup that this one joins or begins.
answer name_resolver::state::get(std::string host, std::string service, detail::deadline_t until,
                                 bool& late) {
  if (io::runtime_here().simulated != nullptr) return ask(host, service); // at once, and the same each time
  const std::string key = service.empty() ? host : host + ' ' + service;
  std::unique_lock hold(lock);
  if (const auto hit = cache.find(key); hit != cache.end()) {
    if (detail::steady_now() < hit->second.until) return hit->second.what;
    cache.erase(hit);
  }
  const std::shared_ptr<lookup> l = join_or_begin(key, std::move(host), std::move(service));
  ++l->waiting;
  try {
    const std::chrono::steady_clock::time_point end{std::chrono::nanoseconds(until)};
    late = !l->changed.wait_until(hold, end, [&] { return l->done; });
  } catch (...) { // cancelled; the lock is held
    leave(l);
    throw;
  }
  leave(l);
  return late ? answer{} : l->found;
}

std::shared_ptr<name_resolver::state::lookup> name_resolver::state::join_or_begin(const std::string& key,
                                                                                  std::string host,
                                                                                  std::string service) {
  if (const auto joined = under_way.find(key); joined != under_way.end()) return joined->second;
  auto l = std::make_shared<lookup>();
  l->key = key;
  l->host = std::move(host);
  l->service = std::move(service);
  queue.push_back(l);
  try {
    under_way.emplace(key, l);
    if (lane < options.at_a_time) enter_lane();
  } catch (...) {
    forget(*l);
    std::erase(queue, l);
    throw;
  }
  return l;
}

void name_resolver::state::enter_lane() {
  sched::default_runtime().owner->go({.name = "resolve", .stack = lookup_stack},
                                     [self = shared_from_this()] { self->serve(); });
  ++lane;
}

// A fiber of the lane.
void name_resolver::state::serve() noexcept {
  std::unique_lock hold(lock);
  while (!queue.empty() && lane <= options.at_a_time) {
    const std::shared_ptr<lookup> l = std::move(queue.front());
    queue.pop_front();
    l->running = true;
    hold.unlock();
    answer found = blocking([&] { return ask(l->host, l->service); });
    hold.lock();
    finish(*l, std::move(found));
  }
  --lane;
}

void name_resolver::state::finish(lookup& l, answer&& found) noexcept {
  l.found = std::move(found);
  l.done = true;
  forget(l);
  try {
    if (l.keep && worth_keeping(l.found.code)) remember(l.key, l.found);
  } catch (const std::bad_alloc&) {} // the next one asks again
  l.changed.notify_all();
}

void name_resolver::state::remember(const std::string& key, const answer& what) {
  if (options.names == 0) return;
  if (cache.size() >= options.names && !cache.contains(key)) {
    const detail::deadline_t now = detail::steady_now();
    std::erase_if(cache, [&](const auto& entry) { return entry.second.until <= now; });
    while (cache.size() >= options.names)
      cache.erase(std::min_element(cache.begin(), cache.end(), [](const auto& a, const auto& b) {
        return a.second.until < b.second.until;
      }));
  }
  cache[key] = {what, detail::deadline_after(what.code ? options.keep_failure : options.keep)};
}

// Somebody does not wait any more.
void name_resolver::state::leave(const std::shared_ptr<lookup>& l) noexcept {
  if (--l->waiting != 0 || l->running || l->done) return;
  forget(*l);
  std::erase(queue, l);
}

// Nobody joins it any more.
void name_resolver::state::forget(const lookup& l) noexcept {
  const auto found = under_way.find(l.key);
  if (found != under_way.end() && found->second.get() == &l) under_way.erase(found);
}

name_resolver::name_resolver(const resolver_options& options) : state_(std::make_shared<state>()) {
  set_options(options);
}

name_resolver::~name_resolver() = default;

void name_resolver::clear() {
  const std::lock_guard hold(state_->lock);
  state_->cache.clear();
  for (auto& [key, l] : state_->under_way) l->keep = false;
  state_->under_way.clear();
}

void name_resolver::set_options(const resolver_options& options) {
  if (options.at_a_time == 0)
    env::panic("a resolver with no lookup at a time", "it would never find anything");
  const std::lock_guard hold(state_->lock);
  state_->options = options;
}

io::result<std::vector<endpoint>> name_resolver::resolve(std::string_view host, std::uint16_t port,
                                                         io::deadline until) {
  if (const auto numeric = endpoint::parse_address(host, port)) return std::vector<endpoint>{*numeric};
  if (is_localhost(host))
    return std::vector<endpoint>{endpoint::loopback_v6(port), endpoint::loopback_v4(port)};
  if (!may_be_host(host)) return failed(resolve_errc::not_known, host);
  bool late = false;
  answer a = state_->get(lower_case(host), {}, until.time(), late);
  if (late) return failed(io::errc::deadline, host);
  if (a.code) return failed(a.code, host);
  return with_port(std::move(a.found), port);
}

io::result<std::vector<endpoint>> name_resolver::resolve(std::string_view text, io::deadline until) {
  const auto parts = split_name(text);
  if (!parts) return no_endpoint("resolve", text);
  if (parts->port) return resolve(parts->host, *parts->port, until);
  if (!may_be_name(parts->service)) return failed(resolve_errc::unknown_service, text);
  const bool local = is_localhost(parts->host);
  if (!local && !endpoint::parse_address(parts->host, 0) && !may_be_host(parts->host))
    return failed(resolve_errc::not_known, text);
  bool late = false;
  answer a = state_->get(local ? "127.0.0.1" : lower_case(parts->host), std::string(parts->service),
                         until.time(), late);
  if (late) return failed(io::errc::deadline, text);
  if (a.code) return failed(a.code, text);
  if (local) return resolve(parts->host, a.found.front().port(), until);
  return std::move(a.found);
}

name_resolver& resolver() {
  static auto* const immortal = new name_resolver; // lookups may go on while static objects are destroyed
  return *immortal;
}

} // namespace thrum::net
