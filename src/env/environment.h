// What the process was started with: variables and libraries.
#pragma once

namespace thrum::env {

// The value of an environment variable, or null.
const char* variable(const char* name) noexcept;

bool is_set(const char* variable, const char* value) noexcept; // to exactly this value

// The address of a function that some library of the program exports, or null.
void* symbol(const char* name) noexcept;

} // namespace thrum::env
