// Pages of stacks that are shallow again.
//
// The problem: a stack takes memory as it is touched, and keeps it. A fiber that was 2,000 calls deep once, and then waits for an hour,
// has a page or two in use and 50 that it may never need again. Who could see that is the fiber itself, or who parks it; but a look
// at each switch costs more than the rest of the switch, and a switch is too early, too: it may be deep again in a microsecond.
//
// The way taken: the monitor looks at all of them, twice a second at most, and asks the kernel which pages have memory (mincore, for many
// stacks at a time). Where a parked fiber has some below its frames, its stack is borrowed for some microseconds (lend.h), so that nobody runs on
// it. Pages that no frame reaches are written on: a few words each. If a page still has these words at the next look, half a second
// later or more, nobody has used it since, and it goes back to the system. So a fiber that is deep again and again keeps
// its memory, whether it waits long or briefly in between; and one that runs often, but is shallow, loses what it does not need.
//
// A page may be used and keep the words by chance: then it is taken too early, and the next use of it costs a page fault. Nothing else.
//
// Rejected: to take the time when each fiber was parked (a clock read and a store a switch); MADV_FREE, after which memory counts as
// used until the system is short of it; to let the fiber do it when it wakes up (those that never do are what matters).
//
// What it costs: nothing where stacks are, and whether they are deep, does not change, for then there is no next look: a program that
// is idle is looked through until nothing was written on, and then no more. Else at most 1 % of one CPU, a tenth of a millisecond at a time.
#include "sched/deep.h"

#include "base/sanitizer.h"
#include "sched/lend.h"

#include <algorithm>
#include <cstring>

#if defined(__clang__)
#define THRUM_RAW_MEMORY __attribute__((noinline, no_sanitize("thread", "address")))
#else
#define THRUM_RAW_MEMORY __attribute__((noinline, no_sanitize_thread, no_sanitize_address))
#endif

namespace thrum::sched {

namespace {

using stack::page_bytes;

constexpr env::nanoseconds budget =
    100'000; // at a time: the monitor sees nothing else meanwhile, nor does another thread on its CPU
constexpr env::nanoseconds pause = 99 * budget;
constexpr std::size_t fewest_pages = 2;           // are worth a look
constexpr std::size_t most_pages_at_a_time = 256; // while a stack is borrowed
constexpr std::size_t red_zone = 128;
constexpr std::size_t slack = page_bytes; // what it calls next needs no new page

constexpr std::uint64_t mark = 0x7468'7275'6d20'7061;
constexpr std::size_t marks = 8; // a page

// Memory of a stack that no frame reaches, of which no sanitizer knows whose it is.
THRUM_RAW_MEMORY bool has_marks(const char* page) noexcept {
  for (std::size_t i = 0; i < marks; ++i)
    if (*reinterpret_cast<const volatile std::uint64_t*>(page + i * (page_bytes / marks)) != mark)
      return false;
  return true;
}
THRUM_RAW_MEMORY void write_marks(char* page) noexcept {
  for (std::size_t i = 0; i < marks; ++i)
    *reinterpret_cast<volatile std::uint64_t*>(page + i * (page_bytes / marks)) = mark;
}
// Of a fiber that may run: a hint.
THRUM_RAW_MEMORY const char* peek_at_stack_pointer(const fiber& f) noexcept {
  return static_cast<const char*>(*const_cast<void* const volatile*>(&f.saved.sp));
}

fiber& fiber_of(stack::stack_ref s) noexcept { return *reinterpret_cast<fiber*>(s.top() - sizeof(fiber)); }
char* limit_of(stack::stack_ref s) noexcept { return s.base() + s.guard_bytes(); }

// Where the pages end that a fiber with this stack pointer does not need; null: it is none of this stack.
char* end_of_unused(stack::stack_ref s, const char* sp) noexcept {
  if (sp < limit_of(s) + red_zone + slack || sp > s.top()) return nullptr;
  const std::size_t used = static_cast<std::size_t>(s.top() - sp) + red_zone + slack;
  const std::size_t pages = (used + page_bytes - 1) / page_bytes;
  return s.top() - pages * page_bytes;
}

bool is_worth_it(const unsigned char* pages, std::size_t count) noexcept {
  return std::count_if(pages, pages + count, [](unsigned char p) { return (p & 1) != 0; }) >=
         static_cast<std::ptrdiff_t>(fewest_pages);
}

// The last page of those.
bool has_memory(const unsigned char* pages, std::ptrdiff_t bytes) noexcept {
  return (pages[static_cast<std::size_t>(bytes) / page_bytes - 1] & 1) != 0;
}

} // namespace

constinit base::atomic<env::nanoseconds> deep_stacks::between_rounds{stack::idle_before_trim};

deep_stacks::~deep_stacks() {
  if (held_ != nullptr) core_.stacks.let_go(held_);
}

env::nanoseconds deep_stacks::look(env::nanoseconds now, bool active) noexcept {
  if (!can_lend()) return env::forever;
  active_ |= active;
  if (!in_round_ && !active_ && !marked_) return env::forever;
  if (now < next_) return next_;
  if (!in_round_) {
    in_round_ = true;
    active_ = marked_ = false;
    next_round_ = now + between_rounds.load(std::memory_order_relaxed); // relaxed: a number
  }
  next_ = now + pause;
  if (!go_on(now + budget)) return next_;
  in_round_ = false;
  next_ = next_round_;
  return active_ || marked_ ? next_ : env::forever;
}

// True: the round has come to its end.
bool deep_stacks::go_on(env::nanoseconds give_up) noexcept {
  for (unsigned n = 0;;) {
    if (held_ != nullptr) n = core_.stacks.list_in_use(held_, index_, stacks_, batch);
    if (n == 0) {
      held_ = core_.stacks.hold_next(held_);
      index_ = 0;
      if (held_ == nullptr) return true;
      continue;
    }
    look_at_all(n);
    index_ = stacks_[n - 1].index + 1;
    if (core_.world.now() >= give_up) return false;
  }
}

void deep_stacks::look_at_all(unsigned stacks) noexcept {
  for (unsigned first = 0, next; first < stacks; first = next) {
    // As many stacks as fit into a window; or pieces of one, from the top.
    char* const from = stacks_[first].base();
    for (next = first + 1; next < stacks; ++next)
      if (static_cast<std::size_t>(stacks_[next].top() - from) > window * page_bytes) break;
    char* const to = stacks_[next - 1].top();
    const auto bytes = static_cast<std::size_t>(to - from);
    if (bytes <= window * page_bytes) {
      if (!core_.world.resident(from, bytes, pages_)) continue;
      for (unsigned i = first; i < next; ++i) {
        if (!has_memory(pages_, stacks_[i].top() - from)) continue; // never used, perhaps: not to be touched
        char* const limit = limit_of(stacks_[i]);
        look_at(stacks_[i], limit, stacks_[i].top(),
                pages_ + static_cast<std::size_t>(limit - from) / page_bytes);
      }
      continue;
    }
    char* const limit = limit_of(stacks_[first]);
    for (char *end = to, *begin; end > limit; end = begin) {
      begin = static_cast<std::size_t>(end - limit) > window * page_bytes ? end - window * page_bytes : limit;
      const auto piece = static_cast<std::size_t>(end - begin);
      if (!core_.world.resident(begin, piece, pages_)) break;
      if (end == to && !has_memory(pages_, end - begin)) break; // as above
      look_at(stacks_[first], begin, end, pages_);
    }
  }
}

// Of the stack the part from `from` to `to`.
void deep_stacks::look_at(stack::stack_ref s, char* from, char* to, const unsigned char* pages) noexcept {
  // What lies below the first two pages. Most have nothing there, and their control blocks are not looked at: they are cold.
  char* const highest = std::min(to, s.top() - 2 * page_bytes);
  if (highest <= from || !is_worth_it(pages, static_cast<std::size_t>(highest - from) / page_bytes)) return;
  fiber& f = fiber_of(s);
  if (!wait::decision::is_pending(f.decided.load(std::memory_order_relaxed)))
    return; // relaxed: lend() decides
  const char* const unused = end_of_unused(s, peek_at_stack_pointer(f));
  if (unused == nullptr) return;
  for (char *begin = from, *end; begin < std::min<const char*>(to, unused); begin = end) {
    end = std::min(to, begin + most_pages_at_a_time * page_bytes);
    const unsigned char* const these = pages + static_cast<std::size_t>(begin - from) / page_bytes;
    const auto count = static_cast<std::size_t>(std::min<const char*>(end, unused) - begin) / page_bytes;
    if (!is_worth_it(these, count)) continue;
    if (!lend(f.what, f.decided)) return;
    if (char* const now_unused = end_of_unused(s, static_cast<const char*>(f.saved.sp));
        now_unused != nullptr)
      sweep(begin, std::min(end, now_unused), these);
    give_back(f.what);
  }
}

// Marks pages, and gives back those that have their marks still. Requires: the stack is ours, and no frame reaches them.
void deep_stacks::sweep(char* from, char* to, const unsigned char* pages) noexcept {
  char* run = nullptr; // pages to give back, up to where we are
  for (char* page = from; page < to; page += page_bytes, ++pages) {
    const bool goes = (*pages & 1) != 0 && has_marks(page);
    if (goes) {
      if (run == nullptr) run = page;
      continue;
    }
    if (run != nullptr) core_.world.discard(run, static_cast<std::size_t>(page - run));
    run = nullptr;
    if ((*pages & 1) == 0) continue;
    write_marks(page);
    marked_ = true;
  }
  if (run != nullptr) core_.world.discard(run, static_cast<std::size_t>(to - run));
}

} // namespace thrum::sched
