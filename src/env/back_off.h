// Who spins for another to go on, as base::back_off() does, waits for ever where both have one thread: in a simulation. There the other is
// let run instead.
#pragma once

#include "base/atomic.h"

namespace thrum::env {

// Asked at each turn of a spin: true, others have run meanwhile. Null: nobody is simulated. Any thread may write the one value it ever gets.
extern base::atomic<bool (*)() noexcept> instead_of_spinning;

} // namespace thrum::env
