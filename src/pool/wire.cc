#include "pool/wire.h"

#include "env/shared_memory.h"
#include "io/fresh_descriptor.h"
#include "io/transfer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <thrum/blocking.h>

namespace thrum::pool {

namespace {

constexpr std::uint32_t mark = 0x6d726874; // "thrm"
constexpr std::uint64_t most_content = std::uint64_t{1} << 40;
constexpr std::size_t most_attached = 1000;

io::error trouble(const char* operation, int errno_value) noexcept {
  return io::system_error(operation, {}, errno_value);
}

io::result<void> send_beside(const net::unix_stream& to, message_head head, std::span<const std::byte> what) {
  const int made = blocking([&] { return env::make_sealed_memory(what.data(), what.size()); });
  if (made < 0) return trouble("make memory for another process", made);
  const io::fresh_descriptor memory(io::world_here(), made);
  head.beside = 1;
  if (auto sent = to.write_all({&head, sizeof head}); !sent) return sent;
  return to.send_descriptor(memory.fd());
}

io::result<content> receive_beside(const net::unix_stream& from, std::uint64_t size, io::deadline until) {
  auto memory = from.receive_descriptor(until);
  if (!memory) return memory.error();
  const void* at = nullptr;
  const int error = blocking([&] { return env::map_sealed_memory(memory->native(), size, &at); });
  if (error < 0) return trouble("map memory of another process", error);
  return content(at, size);
}

message_head begin(message_kind kind, std::uint64_t id, std::span<std::byte> bytes,
                   std::span<const detail::attachment> beside) noexcept {
  const message_head head{.mark = mark,
                          .kind = kind,
                          .attached = static_cast<std::uint16_t>(beside.size()),
                          .id = id,
                          .size = bytes.size() - head_size};
  std::memcpy(bytes.data(), &head, sizeof head);
  return head;
}

bool makes_sense(const message_head& head) noexcept {
  return head.mark == mark && head.kind <= message_kind::stopped && head.beside <= 1 &&
         head.attached <= most_attached && head.size <= (head.beside != 0 ? most_content : most_inline);
}

} // namespace

content::~content() {
  if (mapped_ != nullptr) env::unmap_memory(mapped_, size_);
}

std::vector<int> message::descriptors() const {
  std::vector<int> all;
  for (const net::passed_descriptor& d : attached) all.push_back(d.native());
  return all;
}

io::result<void> send(const net::unix_stream& to, message_kind kind, std::uint64_t id,
                      std::span<std::byte> bytes, std::span<const detail::attachment> beside) {
  const auto what = bytes.subspan(head_size);
  if (beside.size() > most_attached) return trouble("send to another process", -E2BIG);
  const message_head head = begin(kind, id, bytes, beside);
  auto sent = what.size() > most_inline ? send_beside(to, head, what) : to.write_all(bytes);
  for (std::size_t i = 0; sent && i < beside.size(); ++i) sent = to.send_descriptor(beside[i].descriptor);
  return sent;
}

io::result<void> send(const net::unix_stream& to, message_kind kind, std::uint64_t id) {
  std::byte bytes[head_size];
  return send(to, kind, id, bytes);
}

io::result<message> receive(const net::unix_stream& from, io::deadline until) {
  message_head head;
  if (auto read = from.read_exactly({&head, sizeof head}, until); !read) return read.error();
  if (!makes_sense(head)) return trouble("understand another process", -EBADMSG);
  message m{.kind = head.kind, .id = head.id, .what = {}, .attached = {}};
  if (head.beside != 0) {
    auto what = receive_beside(from, head.size, until);
    if (!what) return what.error();
    m.what = std::move(*what);
  } else if (head.size != 0) {
    std::vector<std::byte> bytes(head.size);
    if (auto read = from.read_exactly(bytes, until); !read) return read.error();
    m.what = content(std::move(bytes));
  }
  for (unsigned i = 0; i < head.attached; ++i) {
    auto one = from.receive_descriptor(until);
    if (!one) return one.error();
    m.attached.push_back(std::move(*one));
  }
  return m;
}

bool leave(mailbox& at, message_kind kind, std::uint64_t id, std::span<std::byte> bytes,
           std::span<const detail::attachment> beside) {
  if (!beside.empty()) return false;
  begin(kind, id, bytes, beside);
  return at.leave(bytes);
}

io::result<message> take(mailbox& at) {
  const auto left = at.what_was_left();
  message_head head;
  if (left.size() >= head_size) std::memcpy(&head, left.data(), head_size);
  const bool is_whole =
      makes_sense(head) && head.beside == 0 && head.attached == 0 && head.size == left.size() - head_size;
  message m{.kind = head.kind, .id = head.id, .what = {}, .attached = {}};
  if (is_whole) {
    const auto what = left.subspan(head_size);
    m.what = content(std::vector<std::byte>(what.begin(), what.end()));
  }
  at.has_taken();
  if (!is_whole) return trouble("understand another process", -EBADMSG);
  return m;
}

} // namespace thrum::pool
