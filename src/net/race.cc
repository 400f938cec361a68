#include "net/race.h"

#include "net/socket_address.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <thrum/condition_variable.h>
#include <thrum/mutex.h>
#include <thrum/spawn.h>

namespace thrum::net {

namespace {

using detail::deadline_t;
using std::chrono::steady_clock;

// What the attempts, a fiber each, tell the one who waits for them.
struct contest {
  mutex lock;
  condition_variable changed;
  std::optional<tcp_stream> winner;
  std::vector<std::optional<io::error>> failures; // by address
  std::size_t failed = 0;
};

void attempt(contest& c, const endpoint& to, std::size_t index) {
  io::result<tcp_stream> r = tcp_stream::connect(to); // a loser is cancelled here
  const std::lock_guard hold(c.lock);
  if (!r) {
    c.failures[index] = r.error();
    ++c.failed;
  } else if (!c.winner) {
    c.winner = std::move(*r);
  } else {
    return; // the second; closes
  }
  c.changed.notify_all();
}

// The machine has no way to that address: it has no IPv6, say. That is told only if nothing better can be.
bool says_little(const io::error& e) noexcept {
  return e == std::errc::network_unreachable || e == std::errc::address_not_available ||
         e == std::errc::address_family_not_supported;
}

io::error lost(std::string_view name, std::vector<io::error> causes, bool late) {
  const auto telling = std::ranges::find_if_not(causes, says_little);
  const io::error& first = telling != causes.end() ? *telling : causes.front();
  const std::error_code code = late ? io::errc::deadline : first.code;
  return {.code = code,
          .operation = "connect",
          .about = io::subject::named(name),
          .causes = std::make_shared<const io::cause_list>(std::move(causes))};
}

} // namespace

std::vector<endpoint> interleaved(std::span<const endpoint> addresses) {
  std::vector<endpoint> families[2]; // that of the first address; the other
  for (const endpoint& e : addresses) families[e.is_v6() != addresses.front().is_v6()].push_back(e);
  std::vector<endpoint> all;
  for (std::size_t i = 0; i < std::max(families[0].size(), families[1].size()); ++i)
    for (const auto& family : families)
      if (i < family.size()) all.push_back(family[i]);
  return all;
}

io::result<tcp_stream> race(std::span<const endpoint> addresses, std::string_view name,
                            std::chrono::milliseconds delay, io::deadline until) {
  contest c;
  c.failures.resize(addresses.size());
  std::vector<fiber<void>> attempts; // leaving here, by whatever way, ends them
  attempts.reserve(addresses.size());
  std::size_t failed_before = 0; // the last attempt was begun
  deadline_t next = 0;           // when to begin another one
  bool late = false;
  std::unique_lock hold(c.lock);
  while (!c.winner && c.failed != addresses.size()) {
    const bool more = attempts.size() < addresses.size();
    if (more && (detail::steady_now() >= next || c.failed != failed_before)) {
      failed_before = c.failed;
      const std::size_t index = attempts.size();
      attempts.push_back(
          spawn({.name = "connect"}, [&c, to = addresses[index], index] { attempt(c, to, index); }));
      next = detail::deadline_after(delay);
      continue;
    }
    const deadline_t wake = more ? std::min(next, until.time()) : until.time();
    c.changed.wait_until(hold, steady_clock::time_point(std::chrono::nanoseconds(wake)));
    late = !c.winner && c.failed != addresses.size() && detail::steady_now() >= until.time();
    if (late) break;
  }
  hold.unlock();
  const std::size_t begun = attempts.size();
  attempts.clear(); // asks those that still wait, and waits for their end
  if (c.winner) return std::move(*c.winner);
  std::vector<io::error> causes;
  for (std::size_t i = 0; i < begun; ++i)
    causes.push_back(c.failures[i] ? *std::move(c.failures[i])
                                   : io::error{.code = io::errc::deadline,
                                               .operation = "connect",
                                               .about = subject_of(addresses[i])});
  return lost(name, std::move(causes), late);
}

} // namespace thrum::net
