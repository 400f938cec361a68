#include "stack/stack_pool.h"

#include "base/check.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>

namespace thrum::stack {

namespace {

constexpr std::size_t slab_bytes =
    32 << 20; // 256 default stacks: big enough that mapping is rare, small enough to drain

// What a slot is doing, kept outside the stack so that looking at it commits no page.
enum class slot_state : std::uint8_t {
  fresh, // never used: unguarded, no memory
  clean, // guarded, no memory
  warm,  // guarded, pages committed by an earlier owner
  out    // in use, or in a processor's cache
};

} // namespace

struct slab : slab_layout {
  slab* next; // in stack_pool::all_
  slab* prev;
  slab* next_available; // in stack_pool::available_[size_class]
  slab* prev_available;
  bool listed; // is on the available list
  bool held;   // by hold_next(): stays mapped
  std::uint32_t slots;
  std::uint32_t free;
  std::uint32_t warm;          // free slots that hold memory
  env::nanoseconds warm_since; // 0: not yet noticed by trim()
  std::uint32_t* free_stack;   // indexes of free slots, last freed on top; `free` of them
  slot_state* states;
};

namespace {

unsigned shift_of(unsigned size_class) noexcept { return 16 + size_class; }

std::uint32_t guard_size(std::size_t slot_bytes) noexcept {
  return slot_bytes <= 64 << 10 ? 16 << 10 : slot_bytes <= 128 << 10 ? 36 << 10 : 64 << 10;
}

} // namespace

unsigned stack_pool::class_for(std::size_t bytes) noexcept {
  for (unsigned c = 0; c < classes; ++c)
    if ((std::size_t{1} << shift_of(c)) - guard_size(std::size_t{1} << shift_of(c)) >= bytes) return c;
  return classes - 1;
}

slab* stack_pool::next_of(const slab* s) noexcept { return s->next; }
std::uint32_t stack_pool::slots_of(const slab* s) noexcept { return s->slots; }
bool stack_pool::is_out(const slab* s, std::uint32_t index) noexcept {
  return s->states[index] == slot_state::out;
}
stack_ref stack_pool::stack_at(slab* s, std::uint32_t index) noexcept { return {s, index}; }

slab* stack_pool::make_slab(unsigned size_class) noexcept {
  const unsigned shift = shift_of(size_class);
  const std::size_t slot_bytes = std::size_t{1} << shift;
  std::size_t bytes = slot_bytes >= slab_bytes ? slot_bytes : slab_bytes;
  void* memory = nullptr;
  // Where address space is limited (RLIMIT_AS, strict overcommit) a smaller slab may still be granted.
  for (; bytes >= slot_bytes; bytes /= 2)
    if ((memory = world_.map(bytes, page_bytes)) != nullptr) break;
  if (memory == nullptr) return nullptr;
  const auto slots = static_cast<std::uint32_t>(bytes >> shift);
  auto* s =
      static_cast<slab*>(std::calloc(1, sizeof(slab) + slots * (sizeof(std::uint32_t) + sizeof(slot_state))));
  if (s == nullptr) {
    world_.unmap(memory, bytes);
    return nullptr;
  }
  s->memory = static_cast<char*>(memory);
  s->size_class = static_cast<std::uint8_t>(size_class);
  s->shift = static_cast<std::uint8_t>(shift);
  s->guard = env::guard_kind::marker;
  s->guard_bytes = guard_size(slot_bytes);
  s->slots = s->free = slots;
  s->free_stack = reinterpret_cast<std::uint32_t*>(s + 1);
  s->states = reinterpret_cast<slot_state*>(s->free_stack + slots);
  for (std::uint32_t i = 0; i < slots; ++i) s->free_stack[i] = slots - 1 - i;
  s->next = all_;
  if (all_) all_->prev = s;
  all_ = s;
  mapped_bytes_ += bytes;
  link_available(s);
  return s;
}

void stack_pool::detach(slab* s) noexcept {
  THRUM_CHECK(s->free == s->slots);
  if (s->listed) unlink_available(s);
  (s->prev ? s->prev->next : all_) = s->next;
  if (s->next) s->next->prev = s->prev;
  mapped_bytes_ -= std::size_t{s->slots} << s->shift;
}

void stack_pool::unmap(slab* s) noexcept {
  world_.unmap(s->memory, std::size_t{s->slots} << s->shift);
  std::free(s);
}

void stack_pool::link_available(slab* s) noexcept {
  slab*& head = available_[s->size_class];
  s->prev_available = nullptr;
  s->next_available = head;
  if (head) head->prev_available = s;
  head = s;
  s->listed = true;
}

void stack_pool::unlink_available(slab* s) noexcept {
  (s->prev_available ? s->prev_available->next_available : available_[s->size_class]) = s->next_available;
  if (s->next_available) s->next_available->prev_available = s->prev_available;
  s->listed = false;
}

unsigned stack_pool::take(unsigned size_class, stack_ref* out, unsigned wanted, unsigned cold) noexcept {
  constexpr unsigned most = 64;
  THRUM_DCHECK(wanted >= 1 && wanted <= most && cold >= 1);
  char* guards[most]; // of fresh stacks
  char* pages[most];  // the top pages of stacks without memory
  unsigned fresh = 0;
  unsigned empty = 0;
  unsigned taken = 0;
  slab* s;
  {
    const base::spin_guard guard(lock_);
    s = available_[size_class];
    if (s == nullptr && (s = make_slab(size_class)) == nullptr) return 0;
    while (taken < wanted && s->free != 0) {
      const std::uint32_t index = s->free_stack[s->free - 1];
      const stack_ref stack{s, index};
      slot_state& state = s->states[index];
      if (state == slot_state::warm) {
        --s->warm;
      } else {
        if (empty == cold) break;
        pages[empty++] = stack.top() - page_bytes;
        if (state == slot_state::fresh) guards[fresh++] = stack.base();
      }
      state = slot_state::out;
      --s->free;
      out[taken++] = stack;
    }
    if (s->free == 0) unlink_available(s);
    in_use_ += taken;
  }
  // Outside the lock: system calls.
  if (fresh != 0) {
    const auto kind = world_.guard(guards, fresh, s->guard_bytes);
    if (kind != env::guard_kind::marker) s->guard = kind; // every writer writes the same or a worse kind
  }
  if (empty > 1) world_.commit(pages, empty, page_bytes);
  return taken;
}

void stack_pool::give_locked(stack_ref stack) noexcept {
  auto* s = static_cast<slab*>(stack.owner);
  THRUM_DCHECK(s->states[stack.index] == slot_state::out);
  s->states[stack.index] = slot_state::warm;
  s->free_stack[s->free++] = stack.index;
  ++s->warm;
  s->warm_since = 0;
  if (!s->listed) link_available(s);
  --in_use_;
}

void stack_pool::give(stack_ref stack) noexcept { give(&stack, 1); }

void stack_pool::give(const stack_ref* stacks, std::size_t count) noexcept {
  const base::spin_guard guard(lock_);
  for (std::size_t i = 0; i < count; ++i) give_locked(stacks[i]);
  given_.store(true, std::memory_order_relaxed); // relaxed: guarded
}

env::nanoseconds stack_pool::trim(env::nanoseconds now) noexcept {
  // Bounds the time under the lock: a discard is about a microsecond, a detached slab is unmapped after unlocking.
  constexpr unsigned discards_per_call = 64;
  constexpr unsigned slabs_per_call = 16;
  slab* drained[slabs_per_call];
  unsigned drained_count = 0;
  unsigned discards = 0;
  env::nanoseconds next = env::forever;
  {
    const base::spin_guard guard(lock_);
    if (given_.load(std::memory_order_relaxed)) {     // relaxed: guarded
      given_.store(false, std::memory_order_relaxed); // relaxed: guarded
      unseen_ = true;
    }
    const env::nanoseconds due = unseen_ ? std::min(next_look_, looked_ + trim_interval) : next_look_;
    if (now < due) return due;
    unseen_ = false;
    looked_ = now;
    for (slab *s = all_, *following; s != nullptr; s = following) {
      following = s->next;
      if (s->warm == 0) continue;
      if (s->warm_since == 0) s->warm_since = now; // first seen idle; give() resets it
      const env::nanoseconds ripe = s->warm_since + idle_before_trim;
      if (now < ripe) {
        if (ripe < next) next = ripe;
      } else if (s->free == s->slots && !s->held && drained_count < slabs_per_call) {
        detach(s); // the page tables go, too
        drained[drained_count++] = s;
      } else if ((s->free != s->slots || s->held) && discards < discards_per_call) {
        discards += discard_warm(s, discards_per_call - discards);
        if (s->warm != 0) next = now;
      } else {
        next = now;
      }
    }
    next_look_ = next;
  }
  for (unsigned i = 0; i < drained_count; ++i) unmap(drained[i]);
  return next;
}

unsigned stack_pool::discard_warm(slab* s, unsigned limit) noexcept {
  const std::size_t usable = (std::size_t{1} << s->shift) - s->guard_bytes;
  unsigned done = 0;
  for (std::uint32_t i = 0; i < s->slots && done < limit && s->warm != 0; ++i) {
    if (s->states[i] != slot_state::warm) continue;
    world_.discard(stack_ref{s, i}.base() + s->guard_bytes, usable);
    s->states[i] = slot_state::clean;
    --s->warm;
    ++done;
  }
  return done;
}

slab* stack_pool::hold_next(slab* now) noexcept {
  const base::spin_guard guard(lock_);
  slab* s = now != nullptr ? now->next : all_;
  while (s != nullptr && s->free == s->slots) s = s->next;
  if (s != nullptr) s->held = true;
  if (now != nullptr) now->held = false;
  return s;
}

void stack_pool::let_go(slab* held) noexcept {
  const base::spin_guard guard(lock_);
  held->held = false;
}

unsigned stack_pool::list_in_use(slab* held, std::uint32_t from, stack_ref* out,
                                 unsigned most) const noexcept {
  const base::spin_guard guard(lock_);
  unsigned n = 0;
  for (std::uint32_t i = from; i < held->slots && n < most; ++i)
    if (held->states[i] == slot_state::out) out[n++] = {held, i};
  return n;
}

stack_pool::~stack_pool() {
  while (all_) {
    slab* s = all_;
    detach(s);
    unmap(s);
  }
}

} // namespace thrum::stack
