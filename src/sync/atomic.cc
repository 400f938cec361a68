// atomic: the table of lots for thrum::atomic (sync/parking.h).
#include "base/cache_line.h"
#include "env/panic.h"
#include "sync/parking.h"

namespace thrum::detail {

namespace {

constexpr unsigned lot_bits = 8;
struct alignas(base::cache_line) lot {
  sync::parking_lot here{63 - lot_bits};
};
constinit lot lots[1u << lot_bits];

sync::parking_key key_of(const void* address) noexcept {
  return reinterpret_cast<std::uintptr_t>(address) *
         0x9e3779b97f4a7c15u; // odd: reversible; 2^64 over the golden ratio
}
sync::parking_lot& lot_of(sync::parking_key key) noexcept { return lots[key >> (64 - lot_bits)].here; }

} // namespace

bool wait_at(const awaited& what, deadline_t deadline) {
  if (what.order == std::memory_order_release || what.order == std::memory_order_acq_rel)
    env::panic("an atomic was waited for with an order that a load cannot have",
               "use relaxed, acquire or seq_cst");
  const sync::parking_key key = key_of(what.address);
  return lot_of(key).wait(key, what, deadline);
}

void notify_at(const void* address, bool all) noexcept {
  const sync::parking_key key = key_of(address);
  lot_of(key).wake(key, all);
}

} // namespace thrum::detail
