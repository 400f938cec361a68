// SIGQUIT (Ctrl-\) asks a program what it is doing, as it asks a Go or Java program.
#pragma once

namespace thrum::env {

// From now on the signal calls answer(), which must be async-signal-safe; where it returns false, and with a second signal
// within a second, the process ends as it does by default. Left alone if the program handles the signal, or if the environment has
// THRUM_QUIT=default.
void on_quit_signal(bool (*answer)() noexcept) noexcept;

} // namespace thrum::env
