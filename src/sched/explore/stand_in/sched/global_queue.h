// Goes before sched/global_queue.h in explorations: a fiber that has a model thread of its own (explored.h) does not queue, it
// goes on. Everything else queues as ever.
#pragma once
#pragma GCC system_header // for the next line

#define global_queue real_global_queue
#include_next "sched/global_queue.h"
#undef global_queue

namespace thrum::sched {

bool goes_on_itself(detail::runnable& r) noexcept; // explored.cc

class global_queue : public real_global_queue {
public:
  void push_front_level(detail::runnable& r) noexcept {
    if (!goes_on_itself(r)) real_global_queue::push_front_level(r);
  }
};

} // namespace thrum::sched
