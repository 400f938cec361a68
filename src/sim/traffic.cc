#include "sim/traffic.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace thrum::sim {

namespace {

bool is_later(const parcel& a, const parcel& b) noexcept {
  return a.at != b.at ? a.at > b.at : a.number > b.number;
}

// Whether it keeps its place among what its sender has sent.
bool in_order(const parcel& p) noexcept {
  if (p.from < 0) return false; // of nobody's connection
  switch (p.what) {
  case carried::welcome:
  case carried::bytes:
  case carried::end:
  case carried::reset: return true;
  default: return false;
  }
}

simulated_network sensible(simulated_network how) noexcept {
  how.least_delay =
      std::max(how.least_delay, std::chrono::nanoseconds(1)); // nothing arrives before it is sent
  how.most_delay = std::max(how.most_delay, how.least_delay);
  how.buffer = std::max<std::size_t>(how.buffer, 1);
  return how;
}

} // namespace

traffic::traffic(const simulated_network& how, std::uint64_t seed) noexcept
    : how_(sensible(how)), chance_(seed, drawn_by::network) {}

void traffic::send(parcel p, env::nanoseconds now) {
  const auto spread = static_cast<std::uint64_t>((how_.most_delay - how_.least_delay).count()) + 1;
  p.at = now + how_.least_delay.count() + static_cast<env::nanoseconds>(chance_.below(spread));
  p.number = sent_++;
  if (in_order(p)) {
    env::nanoseconds& last = last_[p.from];
    p.at = std::max(p.at, last + 1);
    last = p.at;
  }
  under_way_.push_back(std::move(p));
  std::push_heap(under_way_.begin(), under_way_.end(), is_later);
}

env::nanoseconds traffic::next() const noexcept {
  return under_way_.empty() ? env::forever : under_way_.front().at;
}

bool traffic::take(env::nanoseconds now, parcel& out) {
  while (next() <= now) {
    std::pop_heap(under_way_.begin(), under_way_.end(), is_later);
    out = std::move(under_way_.back());
    under_way_.pop_back();
    if (!is_cut(out)) return true;
    if (out.what != carried::datagram) held_.push_back(std::move(out));
  }
  return false;
}

bool traffic::covers(const net::endpoint& which, const net::endpoint& one) noexcept {
  return which == (which.port() == 0 ? one.with_port(0) : one);
}

bool traffic::is_cut(const parcel& p) const noexcept {
  if (p.what == carried::room) return false;
  return std::any_of(cuts_.begin(), cuts_.end(),
                     [&](const net::endpoint& c) { return covers(c, p.source) || covers(c, p.target); });
}

void traffic::cut(const net::endpoint& at) {
  if (std::find(cuts_.begin(), cuts_.end(), at) == cuts_.end()) cuts_.push_back(at);
}

// What was sent over a connection meanwhile, and is still under way, comes behind what waited.
void traffic::mend(const net::endpoint& at, env::nanoseconds now) {
  std::erase(cuts_, at);
  std::vector<parcel> again = std::exchange(held_, {});
  const auto concerned = std::partition(under_way_.begin(), under_way_.end(), [&](const parcel& p) {
    return p.what == carried::room || (!covers(at, p.source) && !covers(at, p.target));
  });
  std::move(concerned, under_way_.end(), std::back_inserter(again));
  under_way_.erase(concerned, under_way_.end());
  std::make_heap(under_way_.begin(), under_way_.end(), is_later);
  std::sort(again.begin(), again.end(), [](const parcel& a, const parcel& b) { return a.number < b.number; });
  for (parcel& p : again) {
    if (is_cut(p))
      held_.push_back(std::move(p));
    else
      send(std::move(p), now);
  }
}

} // namespace thrum::sim
