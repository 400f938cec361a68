#include "env/explore/world.h"

#include "base/explore/futex.h"
#include "env/panic.h"

#include <string>

namespace thrum::env {

namespace {

// Not null: a sleep of this thread has timed out. The explorer keeps one copy for each model thread.
void* is_late = nullptr;
const bool kept = (base::explore::the_engine.keep_for_each_thread(&is_late), true);

struct real final : explored::world {
} the_world;

} // namespace

world& linux_world() noexcept { return the_world; }

namespace explored {

nanoseconds world::now() noexcept { return is_late != nullptr ? later : 1; }

void world::deadline_passed() noexcept { is_late = &is_late; }

void world::wait_word(const void* word, std::uint32_t expected, nanoseconds deadline) noexcept {
  if (base::explore::wait_word(word, expected, deadline != forever)) deadline_passed();
}

void world::wake_word(const void* word, int how_many) noexcept { base::explore::wake_word(word, how_many); }

int world::missing(const char* operation) noexcept {
  base::explore::the_engine.fail(std::string("the explored world has no ") + operation);
}

} // namespace explored

// The fatal path: a panic is a failure of the execution.

void (*describe_self)(report&) noexcept = nullptr;

report& report::text(const char*) noexcept { return *this; }
report& report::number(std::uint64_t) noexcept { return *this; }
report& report::hex(std::uint64_t) noexcept { return *this; }
void report::flush() noexcept {}

bool exiting() noexcept { return false; }

void panic(const char* what, const char*) noexcept {
  base::explore::the_engine.fail(std::string("panic: ") + what);
}

} // namespace thrum::env
