// codec: values as bytes, and bytes as values, for what crosses the border of an address space: the work of a process_pool.
//
//   struct person { std::string name; int age = 0; std::vector<std::string> tags; std::shared_ptr<person> boss; };
//   std::vector<std::byte> everyone(const std::vector<person>& all) { return thrum::encode(all); }
//   std::size_t how_many(std::span<const std::byte> bytes) {
//     const auto all = thrum::decode<std::vector<person>>(bytes);   // std::expected: a value, or a codec_error
//     if (!all) report(all.error().what());                         // "decode: 7 bytes are missing, at byte 12 of 20"
//     return all ? all->size() : 0;
//   }
//
// Between fibers nothing is encoded: they share memory. This is for processes. Isolates (isolate.h) take the same types, as clones (clone.h).
//
// What can be sent (the concept sendable<T>), by itself and in each other:
//   numbers, bool, enumerations with an underlying type
//   std::basic_string, vector, deque, list, array; the (multi)maps and (multi)sets, ordered or not; pair, tuple, optional, variant
//   std::chrono's durations and points in time (those of steady_clock mean the same in all processes of the machine)
//   std::unique_ptr; std::shared_ptr and std::weak_ptr: what several point to is one object afterwards, too, and cycles are cycles
//   aggregates of at most 16 members, without base classes and arrays: nothing is to be written for them
//   your own types, with two functions, which are found beside the type or in namespace thrum:
//
//   class account {
//   public:
//     explicit account(std::string owner) : owner_(std::move(owner)) {}
//   private:
//     friend void encode_to(thrum::encoder& out, const account& a) { out.write(a.owner_); }
//     friend account decode_from(thrum::decoder& in, std::type_identity<account>) {
//       return account(in.read<std::string>());
//     }
//     std::string owner_;
//   };
//
// What cannot be sent is refused by the compiler with a sentence that says what to do: raw pointers, references, views, functions,
// handles.
//
// The bytes belong to one program: both ends are the same build, or agree on every type. They are no format for files or other
// machines: numbers are as the machine has them, and nothing in them says what they are.
//
// What the caller owes   Nobody changes a value while it is encoded. Your own two functions take the same steps, encode_to() writes a
//                        byte at least, and decode_from() does not look at what a shared_ptr points to, which comes later.
// What is guaranteed     Bytes that no encode() has made, truncated ones or those of an enemy, give an error or some value of T, never
//                        anything else, and no more memory is asked for than sizeof(element) for each byte. All bytes are used up.
//                        What shared_ptrs point to is not nested, however long the list: if it can be made empty (has a default
//                        constructor, and is assigned to). All else may be nested 64 deep, and is an error beyond.
// May park               no, if your own two functions do not.
// Happens-before         nothing.
// When it dies           Values.
// Errors                 encode: codec_error for what is nested too deeply, for a cycle through objects that cannot be made empty, or
//                        through keys, and for a std::variant without a value. decode: as a value. std::bad_alloc from both.
// Cost                   A number is copied; so are vectors of numbers, and of aggregates of them without gaps. A text costs a byte or
//                        two and its characters; a shared_ptr 50 to 100 ns for finding it again.
// Source of the idea     Python's pickle keeps identity and cycles (but runs code that the bytes name, which nothing here does); Boost.PFR
//                        takes aggregates apart.
#pragma once

#include <thrum/detail/codec_form.h>
#include <thrum/detail/expected.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace thrum {

class codec_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

template <class T>
concept sendable = std::is_object_v<T> &&
                   detail::verdict<std::remove_cv_t<T>>(detail::type_list<>()) == detail::unsendable::none;

namespace detail {

inline constexpr unsigned deepest = 64;

// What several pointers may mean. What it holds is written or read when all that is around it is done, so that lists of any length
// need no stack; or at once, if nothing can stand for it until then (it cannot be made empty), or if it is part of a key, whose order or
// hash may depend on it.
enum class node_state : std::uint8_t { waiting, begun, done };
template <class T>
concept may_wait = std::default_initializable<T> && std::is_move_assignable_v<T>;

template <class T> inline constexpr char node_type = 0; // its address says which type

// A descriptor that is sent beside the bytes.
struct attachment {
  int descriptor = -1;
  std::shared_ptr<const void> owner; // keeps it open
};

} // namespace detail

class encoder {
public:
  encoder() noexcept = default;
  // Writes behind what is there.
  explicit encoder(std::vector<std::byte> before) noexcept : bytes_(std::move(before)) {}

  template <class T> void write(const T& value) {
    if constexpr (sendable<T>)
      detail::form<std::remove_cv_t<T>>::write(*this, value);
    else
      detail::demand_sendable<std::remove_cv_t<T>>();
  }
  void write_bytes(const void* from, std::size_t size) {
    const auto* bytes = static_cast<const std::byte*>(from);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
  }
  void write_count(std::uint64_t n); // the smaller, the shorter
  // What shared_ptrs point to; then all bytes. The last call.
  std::vector<std::byte> finish();

  // ---- for values that are descriptors (shared_buffer.h), and for what takes them to another process
  void attach(int descriptor, std::shared_ptr<const void> owner);
  void allow_attachments() noexcept { may_attach_ = true; }
  std::vector<detail::attachment> take_attachments() noexcept { return std::move(attachments_); }

  // ---- for detail/codec_standard.h
  class nested { // one level deeper
  public:
    explicit nested(encoder& e) : encoder_(e) {
      if (++e.depth_ > detail::deepest) e.fail_depth();
    }
    ~nested() { --encoder_.depth_; }
    nested(const nested&) = delete;
    nested& operator=(const nested&) = delete;

  private:
    encoder& encoder_;
  };
  class key { // nothing waits
  public:
    explicit key(encoder& e) noexcept : encoder_(e) { ++e.keys_; }
    ~key() { --encoder_.keys_; }
    key(const key&) = delete;
    key& operator=(const key&) = delete;

  private:
    encoder& encoder_;
  };
  template <class T> void write_shared(const std::shared_ptr<const T>& p) {
    write_node(p, &detail::node_type<T>, &write_held<T>, detail::may_wait<T>);
  }
  std::size_t size() const noexcept { return bytes_.size(); }
  [[noreturn]] static void fail(const char* what);

private:
  using write_function = void (*)(encoder&, const void*);
  struct node {
    std::shared_ptr<const void> held;
    write_function write;
    detail::node_state state;
  };
  struct name {
    const void* object;
    const void* type;
    bool operator==(const name&) const noexcept = default;
  };
  struct name_hash {
    std::size_t operator()(const name& n) const noexcept {
      return std::hash<const void*>()(n.object) ^ (std::hash<const void*>()(n.type) << 1);
    }
  };

  template <class T> static void write_held(encoder& e, const void* object) {
    e.write(*static_cast<const T*>(object));
  }
  void write_node(const std::shared_ptr<const void>& p, const void* type, write_function how, bool may_wait);
  void write_now(std::size_t index);
  [[noreturn]] void fail_depth();

  std::vector<std::byte> bytes_;
  std::vector<node> nodes_;
  std::unordered_map<name, std::size_t, name_hash> known_;
  std::vector<detail::attachment> attachments_;
  std::size_t finished_ = 0; // nodes before this one are done
  unsigned depth_ = 0;
  unsigned keys_ = 0;
  bool may_attach_ = false;
};

class decoder {
public:
  // `attached`: the descriptors that came beside the bytes; they stay the caller's.
  explicit decoder(std::span<const std::byte> bytes, std::span<const int> attached = {}) noexcept
      : bytes_(bytes), attached_(attached) {}
  // What an encoder of this process has left.
  decoder(std::span<const std::byte> bytes, std::span<const detail::attachment> left_here) noexcept
      : bytes_(bytes), left_here_(left_here) {}
  ~decoder();
  decoder(const decoder&) = delete;
  decoder& operator=(const decoder&) = delete;

  // Throw codec_error.
  template <class T> std::remove_cv_t<T> read() {
    if constexpr (sendable<T>)
      return detail::form<std::remove_cv_t<T>>::read(*this);
    else {
      detail::demand_sendable<std::remove_cv_t<T>>();
      __builtin_unreachable();
    }
  }
  void read_bytes(void* to, std::size_t size) {
    if (size > left()) fail_short(size);
    if (size != 0) std::memcpy(to, bytes_.data() + at_, size);
    at_ += size;
  }
  const std::byte* take_bytes(std::size_t size) { // where they are
    if (size > left()) fail_short(size);
    at_ += size;
    return bytes_.data() + (at_ - size);
  }
  std::uint64_t read_count();
  // What shared_ptrs point to; then there must be no byte left. The last call: until then they point to empty objects.
  void finish();
  std::size_t left() const noexcept { return bytes_.size() - at_; }
  detail::attachment
  read_attached(); // what attach() has written; without an owner, if it came from elsewhere

  // ---- for your own decode_from(), and detail/codec_standard.h
  [[noreturn]] void fail(const std::string& what) const;
  // The same, of things each of which takes `least` bytes.
  std::size_t read_size(std::size_t least = 1);

  class nested {
  public:
    explicit nested(decoder& d) : decoder_(d) {
      if (++d.depth_ > detail::deepest) d.fail_depth();
    }
    ~nested() { --decoder_.depth_; }
    nested(const nested&) = delete;
    nested& operator=(const nested&) = delete;

  private:
    decoder& decoder_;
  };
  class key {
  public:
    explicit key(decoder& d) noexcept : decoder_(d) { ++d.keys_; }
    ~key() { --decoder_.keys_; }
    key(const key&) = delete;
    key& operator=(const key&) = delete;

  private:
    decoder& decoder_;
  };
  template <class T> std::shared_ptr<T> read_shared() {
    return std::static_pointer_cast<T>(read_node(kind_of<T>()));
  }

private:
  struct kind {
    const void* id = nullptr;
    std::shared_ptr<void> (*make)() = nullptr; // an empty one; null: it cannot wait
    void (*fill)(decoder&, void* object) = nullptr;
    void (*empty)(void* object) = nullptr;
    std::shared_ptr<void> (*make_filled)(decoder&) = nullptr; // if it cannot wait
  };
  struct node {
    std::shared_ptr<void> held;
    kind what;
    detail::node_state state;
  };
  template <class T> static kind kind_of() noexcept {
    kind k{.id = &detail::node_type<T>};
    if constexpr (detail::may_wait<T>) {
      k.make = []() -> std::shared_ptr<void> { return std::make_shared<T>(); };
      k.fill = [](decoder& d, void* object) { *static_cast<T*>(object) = d.read<T>(); };
      k.empty = [](void* object) { *static_cast<T*>(object) = T(); };
    } else {
      k.make_filled = [](decoder& d) -> std::shared_ptr<void> { return std::make_shared<T>(d.read<T>()); };
    }
    return k;
  }

  std::shared_ptr<void> read_node(const kind& what);
  void read_now(std::size_t index);
  [[noreturn]] void fail_short(std::size_t wanted) const;
  [[noreturn]] void fail_depth() const;

  std::span<const std::byte> bytes_;
  std::span<const int> attached_;
  std::span<const detail::attachment> left_here_;
  std::size_t at_ = 0;
  std::vector<node> nodes_;
  std::size_t finished_ = 0;
  unsigned depth_ = 0;
  unsigned keys_ = 0;
  bool complete_ = false;
};

template <class T> std::vector<std::byte> encode(const T& value) {
  encoder out;
  out.write(value);
  return out.finish();
}

template <class T> std::expected<T, codec_error> decode(std::span<const std::byte> bytes) {
  try {
    decoder in(bytes);
    T value = in.read<T>(); // ends before `in`, which takes apart what is long, if that fails
    in.finish();
    return value;
  } catch (const codec_error& e) { return std::unexpected(e); }
}

} // namespace thrum

#include <thrum/detail/codec_standard.h>
