// How each kind of type is written and read, what it consists of, and why others cannot be sent. The page is codec.h.
//
// form<T> has
//   parts      a type_list of what must be sendable for T to be
//   trouble    why T itself is not; else unsendable::none
//   write, read
// and `bulk`, if any bytes are a value of T, and its bytes are all there is to it: then many of them are copied at once.
//
// Each value takes a byte at least, also one of an empty type: so a count that hostile bytes claim is never larger than what is left
// of them, and no memory is asked for that they do not pay for.
#pragma once

#include <thrum/detail/members.h>

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <initializer_list>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace thrum {

class encoder;
class decoder;

namespace detail {

enum class unsendable : std::uint8_t {
  none,
  pointer,
  reference,
  view,
  function,
  array,
  open_enumeration,
  many_kinds,
  deleter,
  order,
  base,
  too_many_members,
  unknown
};

template <class T>
concept has_codec = requires(encoder& out, decoder& in, const T& value) {
  encode_to(out, value);
  { decode_from(in, std::type_identity<T>()) } -> std::same_as<T>;
};

// Copies of it mean the same memory, which is what it is for (shared_buffer.h).
template <class T> inline constexpr bool shares_memory = false;

// Made from any number of its underlying type: those without one have numbers that they do not mean.
template <class T>
concept closed_enumeration = std::is_enum_v<T> && requires { T{std::underlying_type_t<T>{}}; };

template <class T>
concept number = std::is_arithmetic_v<T> && !std::same_as<T, bool>;

template <class T> inline constexpr bool is_function = false;
template <class F> inline constexpr bool is_function<std::function<F>> = true;
#if defined(__cpp_lib_move_only_function)
template <class F> inline constexpr bool is_function<std::move_only_function<F>> = true;
#endif
template <class T> inline constexpr bool is_list_view = false;
template <class T> inline constexpr bool is_list_view<std::initializer_list<T>> = true;
template <class T> inline constexpr bool is_list_view<std::reference_wrapper<T>> = true;
template <class T>
concept view = std::ranges::enable_view<T> || is_list_view<T>;

template <unsendable Why, class... Part> struct form_of {
  static constexpr unsendable trouble = Why;
  static constexpr bool bulk = false;
  using parts = type_list<Part...>;
};
template <unsendable Why> using refused = form_of<Why>;
template <class... Part> using made_of = form_of<unsendable::none, Part...>;

template <class T> struct form; // of a type without const and volatile
template <class T> inline constexpr bool is_bulk = form<T>::bulk;

// ---- whether T can be sent, and what it is that cannot. `Seen`: what is being looked at already.
template <class T, class... Seen> consteval unsendable verdict(type_list<Seen...>);
template <class... Part, class... Seen>
consteval unsendable verdict_of(type_list<Part...>, [[maybe_unused]] type_list<Seen...> seen) {
  unsendable first = unsendable::none;
  static_cast<void>(((first = verdict<std::remove_cv_t<Part>>(seen), first == unsendable::none) && ...));
  return first;
}
template <class T, class... Seen> consteval unsendable verdict(type_list<Seen...>) {
  if constexpr ((std::same_as<T, Seen> || ...))
    return unsendable::none;
  else if constexpr (form<T>::trouble != unsendable::none)
    return form<T>::trouble;
  else
    return verdict_of(typename form<T>::parts(), type_list<T, Seen...>());
}

// The sentence for who tries nevertheless; the compiler names the types on the way there.
template <class T> void demand_sendable();
template <class... Part> void demand_all(type_list<Part...>) {
  (static_cast<void>(&demand_sendable<std::remove_cv_t<Part>>), ...);
}
template <class T> void demand_sendable() {
  constexpr unsendable why = form<T>::trouble;
  static_assert(why != unsendable::pointer,
                "thrum: a raw pointer cannot be sent, as it means nothing elsewhere: send the value, or a "
                "std::unique_ptr or std::shared_ptr");
  static_assert(why != unsendable::reference, "thrum: a reference cannot be sent: send the value");
  static_assert(why != unsendable::view, "thrum: a view (string_view, span, ...) cannot be sent, as it does "
                                         "not own what it shows: send a std::string or std::vector");
  static_assert(why != unsendable::function,
                "thrum: a std::function cannot be sent: send a value that says what is to be "
                "done, and do it in the function that takes it");
  static_assert(why != unsendable::array, "thrum: an array cannot be sent: use std::array or std::vector");
  static_assert(
      why != unsendable::open_enumeration,
      "thrum: an enumeration without an underlying type cannot be sent, as not every number is one of "
      "its values: make it `enum class`, or `enum name : int`");
  static_assert(why != unsendable::many_kinds,
                "thrum: a pointer to a class with virtual functions cannot be sent, as it may "
                "mean another class: use a std::variant, or make the class final");
  static_assert(why != unsendable::deleter,
                "thrum: a std::unique_ptr with a deleter of its own cannot be sent");
  static_assert(why != unsendable::order,
                "thrum: a container whose order or hash cannot be made by default cannot be sent");
  static_assert(why != unsendable::base,
                "thrum: an aggregate with a base class cannot be sent: make the base a member, or "
                "give it encode_to() and decode_from() (codec.h)");
  static_assert(why != unsendable::too_many_members,
                "thrum: this aggregate has more than 16 members, or one that is an "
                "array or a reference: group them, or give it encode_to() and decode_from() (codec.h)");
  static_assert(why != unsendable::unknown,
                "thrum: nothing is known of this class, as it has constructors or private members: "
                "give it encode_to() and decode_from() (codec.h)");
  if constexpr (why == unsendable::none) demand_all(typename form<T>::parts());
}

} // namespace detail
} // namespace thrum
