// What a simulated network does when something arrives (network.h).
#include "sim/network.h"
#include "sim/simulator.h"

#include <cerrno>
#include <utility>

namespace thrum::sim {

void network::send(carried what, const inet_socket& from, std::string bytes) {
  const bool to_itself = what == carried::room;
  traffic_.send({.what = what,
                 .to = to_itself ? from.number : from.other,
                 .from = from.number,
                 .source = from.local,
                 .target = from.peer,
                 .bytes = std::move(bytes)},
                world_.now());
}

// The way back.
void network::answer(const parcel& p, carried what, int to, int from) {
  traffic_.send({.what = what, .to = to, .from = from, .source = p.target, .target = p.source}, world_.now());
}

// A reader may find any number of bytes of what was written.
void network::send_bytes(const inet_socket& from, const char* data, std::size_t size) {
  for (unsigned pieces = 1; size > 1 && pieces < 3 && traffic_.below(4) == 0; ++pieces) {
    const std::size_t n = 1 + traffic_.below(size - 1);
    send(carried::bytes, from, std::string(data, n));
    data += n;
    size -= n;
  }
  send(carried::bytes, from, std::string(data, size));
}

void network::break_now(inet_socket& s, int error) {
  s.at = stage::broken;
  s.error = error;
  all_.announce(s, true, true);
}

void network::arrive() {
  parcel p;
  while (traffic_.take(world_.now(), p)) {
    if (p.what != carried::room) simulator_.arrived(p);
    deliver(p);
  }
}

void network::deliver(parcel& p) {
  inet_socket* const s = p.to < 0 ? nullptr : find(p.to);
  switch (p.what) {
  case carried::knock: return knocks(p);
  case carried::welcome: return welcomed(p);
  case carried::refusal: return refused(p);
  case carried::bytes: return bytes_arrive(p);
  case carried::datagram: return datagram_arrives(p);
  case carried::end:
    if (s == nullptr) return;
    s->in_ended = true;
    return all_.announce(*s, true, false);
  case carried::reset:
    if (s != nullptr && s->at == stage::connected) break_now(*s, ECONNRESET);
    return;
  case carried::room:
    if (s != nullptr) all_.announce(*s, false, true);
  }
}

void network::knocks(const parcel& p) {
  if (find(p.from) == nullptr) return;
  inet_socket* const listener = listener_at(p.target, true);
  if (listener == nullptr || traffic_.happens(traffic_.rules().refused))
    return answer(p, carried::refusal, p.from);
  if (listener->arrived.size() >=
      listener->backlog) { // the kernel says nothing, and who knocks does it again
    constexpr env::nanoseconds second = 1'000'000'000;
    return traffic_.send({.what = carried::knock, .from = p.from, .source = p.source, .target = p.target},
                         world_.now() + second);
  }
  inet_socket& made = add(listener->family, true);
  made.at = stage::connected;
  made.options = listener->options;
  made.buffer = listener->buffer;
  made.local = p.target;
  made.peer = p.source;
  made.other = p.from;
  listener->arrived.push_back(made.number);
  all_.announce(*listener, true, false);
  answer(p, carried::welcome, p.from, made.number);
}

void network::welcomed(const parcel& p) {
  inet_socket* const s = find(p.to);
  if (s == nullptr || s->at != stage::connecting) { // it has gone away meanwhile
    if (find(p.from) != nullptr) answer(p, carried::reset, p.from);
    return;
  }
  s->other = p.from;
  s->at = stage::connected;
  all_.announce(*s, false, true);
}

void network::refused(const parcel& p) {
  inet_socket* const s = find(p.to);
  if (s != nullptr && s->at == stage::connecting) break_now(*s, ECONNREFUSED);
}

void network::bytes_arrive(parcel& p) {
  inet_socket* const s = find(p.to);
  if (s != nullptr && s->at == stage::connected) {
    s->in.add(p.bytes);
    return all_.announce(*s, true, false);
  }
  if (find(p.from) != nullptr) answer(p, carried::reset, p.from); // it writes to nobody
}

void network::datagram_arrives(parcel& p) {
  constexpr std::size_t most_unread = 256;
  inet_socket* const s = listener_at(p.target, false);
  if (s == nullptr) {
    inet_socket* const sender = find(p.from);
    if (sender == nullptr || sender->at != stage::connected || sender->peer != p.target) return;
    sender->error = ECONNREFUSED;
    return all_.announce(*sender, true, true);
  }
  if (s->at == stage::connected && s->peer != p.source) return; // it listens to one only
  if (s->datagrams.size() == most_unread) return;
  s->datagrams.emplace_back(p.source, std::move(p.bytes));
  all_.announce(*s, true, false);
}

} // namespace thrum::sim
