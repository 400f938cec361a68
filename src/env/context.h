// What a stack that nobody runs on is reduced to (env/switch.h).
#pragma once

namespace thrum::env {

struct context {
  void* sp = nullptr; // stack
  void* fp = nullptr; // frame
  void* pc = nullptr; // next instruction
};

} // namespace thrum::env
