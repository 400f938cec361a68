#include "env/trace.h"

#include "env/process.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <unwind.h>

extern "C" void thrum_trace_parked(void* sp, void (*visit)(void*), void* argument);

namespace thrum::env {

namespace {

struct trace {
  const void** addresses;
  std::size_t capacity;
  const void* first; // where the parked code goes on
  std::size_t count = 0;
  bool begun = false;
};

_Unwind_Reason_Code visit_frame(_Unwind_Context* frame, void* raw) {
  auto& t = *static_cast<trace*>(raw);
  const auto* address = reinterpret_cast<const void*>(_Unwind_GetIP(frame));
  if (address == t.first) t.begun = true; // the frames before are our own
  if (t.begun && address != nullptr) t.addresses[t.count++] = address;
  return t.count == t.capacity ? _URC_END_OF_STACK : _URC_NO_REASON;
}

void visit_frames(void* raw) { _Unwind_Backtrace(&visit_frame, raw); }

_Unwind_Reason_Code visit_own_frame(_Unwind_Context* frame, void* raw) {
  auto& t = *static_cast<trace*>(raw);
  if (const auto* address = reinterpret_cast<const void*>(_Unwind_GetIP(frame)); address != nullptr)
    t.addresses[t.count++] = address;
  return t.count == t.capacity ? _URC_END_OF_STACK : _URC_NO_REASON;
}

constexpr std::size_t most_bytes = 256
                                   << 10; // of a stack; the outermost frames of a deeper one are not shown
constexpr std::size_t margin = 512;       // zeros around the copy end a trace that goes astray

} // namespace

std::size_t trace_parked(const context& parked, const char* top, const std::function<bool()>& is_parked,
                         const void** addresses, std::size_t capacity) {
  const auto* sp = static_cast<const char*>(parked.sp);
  if (sp == nullptr || sp >= top || capacity == 0) return 0;
  const std::size_t size = std::min<std::size_t>(static_cast<std::size_t>(top - sp), most_bytes);
  const auto memory = std::make_unique<std::uintptr_t[]>((size + 2 * margin) / sizeof(std::uintptr_t) + 2);
  char* copy = reinterpret_cast<char*>(memory.get()) + margin;
  copy += (reinterpret_cast<std::uintptr_t>(sp) - reinterpret_cast<std::uintptr_t>(copy)) & 15;
  if (!copy_memory(copy, sp, size) || !is_parked()) return 0;
  const auto moved = [&](std::uintptr_t word) {
    const auto low = reinterpret_cast<std::uintptr_t>(sp);
    return word >= low && word < low + size ? word - low + reinterpret_cast<std::uintptr_t>(copy) : word;
  };
  for (std::size_t at = 0; at + sizeof(std::uintptr_t) <= size; at += sizeof(std::uintptr_t)) {
    std::uintptr_t word;
    std::memcpy(&word, copy + at, sizeof word);
    word = moved(word);
    std::memcpy(copy + at, &word, sizeof word);
  }
  const std::uintptr_t below[2] = {moved(reinterpret_cast<std::uintptr_t>(parked.fp)),
                                   reinterpret_cast<std::uintptr_t>(parked.pc)};
  std::memcpy(copy - sizeof below, below, sizeof below);
  trace t{addresses, capacity, parked.pc};
  thrum_trace_parked(copy, &visit_frames, &t);
  return t.count;
}

std::size_t trace_here(const void** addresses, std::size_t capacity) noexcept {
  trace t{addresses, capacity, nullptr};
  if (capacity != 0) _Unwind_Backtrace(&visit_own_frame, &t);
  return t.count;
}

} // namespace thrum::env
