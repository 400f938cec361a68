// Signals of the real world, for whoever wants to wait for them. Results as system calls give them (-1 and errno); world.cc turns
// them into negative errno values.
#pragma once

#include "env/signal_seat.h"

#include <cstdint>

namespace thrum::env {

int open_signal_seat(std::uint64_t numbers, signal_seat** out, int* event) noexcept;
int take_from_seat(signal_seat* s) noexcept;
void stop_signal_seat(signal_seat* s) noexcept;
void close_signal_seat(signal_seat* s) noexcept;

} // namespace thrum::env
