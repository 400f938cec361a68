// Serves operation.h and future.h: a coroutine waits for one case.
#pragma once

#include <thrum/detail/coroutine.h>
#include <thrum/detail/select_case.h>

#include <coroutine>
#include <cstddef>

namespace thrum::detail {

// A wait for one case. In the frame of the coroutine lies only what is queued at the source: of a million coroutines that wait, each
// has one of these. The case itself is made when it is needed; Operation::fill(c) says what it is. InATurn: see begin_wait().
template <class Operation, bool InATurn = false> class one_case_wait {
public:
  one_case_wait(const one_case_wait&) = delete;
  one_case_wait& operator=(const one_case_wait&) = delete;

  template <class P> bool await_suspend(std::coroutine_handle<P> h) {
    coroutine_flow& flow = flow_of(h);
    select_case c;
    select_case* const one = make(c);
    flow_ = &flow; // not later: it may have gone on
    std::size_t chosen;
    if (begin_wait(flow, h, &one, 1, true, nullptr, chosen, InATurn)) return true;
    flow_ = nullptr;
    throw_if_closed(c);
    return false;
  }

protected:
  one_case_wait() noexcept {}
  ~one_case_wait() = default;

  // After it was begun, if it was. Throws `cancelled`, channel_closed.
  void finish() {
    if (flow_ == nullptr) return;
    select_case c;
    select_case* const one = make(c);
    finish_wait(*flow_, &one, 1, nullptr);
    throw_if_closed(c);
  }

private:
  select_case* make(select_case& c) noexcept {
    c.what = select_case::kind::source;
    c.state_elsewhere = queued_;
    static_cast<Operation&>(*this).fill(c);
    return &c;
  }

  alignas(room_alignment) unsigned char queued_[select_case::state_size];
  coroutine_flow* flow_ = nullptr; // it has suspended
};

} // namespace thrum::detail
