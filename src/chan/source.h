// A channel's two sides as alternatives of a wait.
#pragma once

#include "chan/chan_core.h"
#include "select/engine.h"

namespace thrum::chan {

void make_send(select::alternative& a, detail::chan_core& c, void* value) noexcept;
void make_recv(select::alternative& a, detail::chan_core& c, void* slot) noexcept;

} // namespace thrum::chan
