// What the two ends of a pool say to each other, through a stream of Unix sockets; a run or its answer also through memory, if it is small
// and the other end looks out for it (mailbox.h).
//
// A message is a head and its content. What is small follows the head; what is larger lies in a sealed memory file, whose
// descriptor follows the head instead. (Sealed, so that it can neither shrink nor change under who reads it: the other process may have
// gone mad.) Descriptors that are part of the values come last. The parent says: run, stop. The child says: ready, once; then value, failed or stopped for each run.
#pragma once

#include "env/modules.h"
#include "pool/mailbox.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <thrum/codec.h>
#include <thrum/io/deadline.h>
#include <thrum/io/error.h>
#include <thrum/net/unix.h>

namespace thrum::pool {

enum class message_kind : std::uint8_t {
  run,     // a place in the code (env::code_place), and arguments
  stop,    // what runs
  ready,   // the child waits for work
  value,   // what it returned
  failed,  // what was thrown: its type and what it says, two texts
  stopped, // it ended with `cancelled`
};

struct message_head {
  std::uint32_t mark = 0;
  message_kind kind = message_kind::run;
  std::uint8_t beside = 0;    // 1: the content is in a memory file
  std::uint16_t attached = 0; // how many descriptors follow the content
  std::uint64_t id = 0;       // which run it is about
  std::uint64_t size = 0;
};
inline constexpr std::size_t head_size = sizeof(message_head);
inline constexpr std::size_t most_inline = 64 << 10;

// Content that came, in a vector or in mapped memory.
class content {
public:
  content() = default;
  explicit content(std::vector<std::byte> bytes) noexcept : bytes_(std::move(bytes)) {}
  content(const void* mapped, std::size_t size) noexcept
      : mapped_(static_cast<const std::byte*>(mapped)), size_(size) {}
  content(content&& other) noexcept
      : bytes_(std::move(other.bytes_)), mapped_(std::exchange(other.mapped_, nullptr)), size_(other.size_) {}
  content& operator=(content&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(mapped_, other.mapped_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~content();
  std::span<const std::byte> bytes() const noexcept {
    return mapped_ != nullptr ? std::span(mapped_, size_) : std::span<const std::byte>(bytes_);
  }

private:
  std::vector<std::byte> bytes_;
  const std::byte* mapped_ = nullptr;
  std::size_t size_ = 0;
};

struct message {
  message_kind kind = message_kind::ready;
  std::uint64_t id = 0;
  content what;
  std::vector<net::passed_descriptor> attached;

  std::vector<int> descriptors() const;
};

// `bytes`: room for a head, which is written there, and the content.
io::result<void> send(const net::unix_stream& to, message_kind kind, std::uint64_t id,
                      std::span<std::byte> bytes, std::span<const detail::attachment> beside = {});
io::result<void> send(const net::unix_stream& to, message_kind kind, std::uint64_t id);
// std::errc::bad_message: nobody who follows this page says such a thing.
io::result<message> receive(const net::unix_stream& from, io::deadline until = {});

// The same by a mailbox. False: it is to be sent.
bool leave(mailbox& at, message_kind kind, std::uint64_t id, std::span<std::byte> bytes,
           std::span<const detail::attachment> beside);
io::result<message> take(mailbox& at); // requires: something was left

} // namespace thrum::pool
