// The numbers of one runtime, for runtime::report() and for dumps.
#pragma once

#include <thrum/runtime.h>

namespace thrum::inspect {

runtime_report report_of(sched::runtime_core& core);

} // namespace thrum::inspect
