#include "env/modules.h"

#include <cstddef>
#include <cstring>
#include <elf.h>
#include <link.h>

namespace thrum::env {

namespace {

// FNV-1a.
class digest {
public:
  void add(const void* data, std::size_t size) noexcept {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) value_ = (value_ ^ bytes[i]) * 0x100000001b3u;
  }
  template <class T> void add(const T& value) noexcept { add(&value, sizeof value); }
  std::uint64_t value() const noexcept { return value_; }

private:
  std::uint64_t value_ = 0xcbf29ce484222325u;
};

const char* base_name(const char* path) noexcept {
  const char* slash = std::strrchr(path, '/');
  return slash != nullptr ? slash + 1 : path;
}

// A build id is in a note, as the linker was asked for it; the segments tell most builds apart without.
std::uint64_t number_of(const ::dl_phdr_info& module) noexcept {
  digest all;
  all.add(base_name(module.dlpi_name), std::strlen(base_name(module.dlpi_name)));
  for (int i = 0; i < module.dlpi_phnum; ++i) {
    const ElfW(Phdr)& p = module.dlpi_phdr[i];
    all.add(p.p_type);
    all.add(p.p_flags);
    all.add(p.p_vaddr);
    all.add(p.p_filesz);
    all.add(p.p_memsz);
    if (p.p_type == PT_NOTE) all.add(reinterpret_cast<const void*>(module.dlpi_addr + p.p_vaddr), p.p_filesz);
  }
  return all.value();
}

// Whether there is something at that offset in memory that may be used so.
bool has(const ::dl_phdr_info& module, std::uint64_t offset, unsigned flags) noexcept {
  for (int i = 0; i < module.dlpi_phnum; ++i) {
    const ElfW(Phdr)& p = module.dlpi_phdr[i];
    if (p.p_type == PT_LOAD && (p.p_flags & flags) == flags && offset >= p.p_vaddr &&
        offset - p.p_vaddr < p.p_memsz)
      return true;
  }
  return false;
}
bool has_code(const ::dl_phdr_info& module, std::uint64_t offset) noexcept {
  return has(module, offset, PF_X);
}

struct question {
  std::uint64_t address;
  code_place place;
  bool found = false;
};

int look_for_place(::dl_phdr_info* module, std::size_t, void* raw) noexcept {
  auto& q = *static_cast<question*>(raw);
  const std::uint64_t offset = q.address - module->dlpi_addr;
  if (!has_code(*module, offset)) return 0;
  q.place = {.module = number_of(*module), .offset = offset};
  q.found = true;
  return 1;
}

int look_for_module(::dl_phdr_info* module, std::size_t, void* raw) noexcept {
  auto& q = *static_cast<question*>(raw);
  if (!has_code(*module, q.place.offset) || number_of(*module) != q.place.module) return 0;
  q.address = module->dlpi_addr + q.place.offset;
  q.found = true;
  return 1;
}

struct two_places {
  std::uint64_t one;
  std::uint64_t other;
  bool together = false;
};

int look_for_both(::dl_phdr_info* module, std::size_t, void* raw) noexcept {
  auto& places = *static_cast<two_places*>(raw);
  if (!has(*module, places.one - module->dlpi_addr, 0)) return 0;
  places.together = has(*module, places.other - module->dlpi_addr, 0);
  return 1;
}

} // namespace

bool place_of(const void* code, code_place& out) noexcept {
  question q{.address = reinterpret_cast<std::uintptr_t>(code), .place = {}};
  ::dl_iterate_phdr(&look_for_place, &q);
  out = q.place;
  return q.found;
}

const void* code_at(const code_place& place) noexcept {
  question q{.address = 0, .place = place};
  ::dl_iterate_phdr(&look_for_module, &q);
  return q.found ? reinterpret_cast<const void*>(q.address) : nullptr;
}

bool in_same_module(const void* one, const void* other) noexcept {
  two_places places{reinterpret_cast<std::uintptr_t>(one), reinterpret_cast<std::uintptr_t>(other)};
  ::dl_iterate_phdr(&look_for_both, &places);
  return places.together;
}

} // namespace thrum::env
