// clone and transfer: how a value gets away from who has it. A clone shares nothing with what it was made from; what is transferred is
// gone from where it was.
//
//   struct node { int number = 0; std::shared_ptr<node> next; };
//   std::shared_ptr<node> apart(const std::shared_ptr<node>& list) { return thrum::clone(list); } // all of it, however long
//   void give(thrum::isolate<std::vector<double>, double>& to, std::vector<double>& all) {
//     to.post(all);                                 // a clone, taken now: what is changed later is not seen there
//     to.post(thrum::transfer(std::move(all)));     // nothing is copied; `all` is empty from here on
//   }
//
// Isolates (isolate.h) receive one or the other. What can be cloned is what can be sent to a process, the concept `sendable`:
// codec.h lists the types, and the compiler says of all others what to do instead.
//
// | of a ...                                      | a clone has                                                            |
// | --------------------------------------------- | ---------------------------------------------------------------------- |
// | number, text, container, pair, optional, ...  | the same value, of the same type, down to the last part                |
// | aggregate                                     | a clone of each member, private or not: its type is the same           |
// | std::unique_ptr                               | an object of its own                                                   |
// | std::shared_ptr                               | one object for each, however many point to it; cycles are cycles       |
// | std::weak_ptr                                 | that object, if something else in the clone owns it; else it is expired|
// | your own type                                 | what its encode_to() has written and its decode_from() makes of it     |
// | shared_buffer                                 | the same bytes: that is what it is for                                 |
// | function, raw pointer, reference, view        | does not compile                                                       |
// | lock, file, socket, fiber, channel, future    | does not compile                                                       |
//
// transfer(std::move(x)) is for what owns all that it has by itself: no std::shared_ptr or std::weak_ptr anywhere, no type of your
// own (nothing is known of what it shares), no allocator with a state; and what can be made empty. The concept `transferable` says
// it; what is not, does not compile. The compiler moves x, which takes as long as moving an object of its type takes; then x is as
// one that was made by default.
//
// What the caller owes   Nobody changes a value while it is cloned. transfer() refers to x until it was posted.
// What is guaranteed     What shared_ptrs and unique_ptrs mean is not nested, however long the list: if it can be made empty (has a
//                        default constructor, and is assigned to). All else may be nested 64 deep, as in codec.h. What a clone that
//                        fails has made is gone again.
// May park               no, if your own two functions do not.
// Happens-before         nothing.
// When it dies           Values.
// Errors                 codec_error for what is nested too deeply, for a cycle through objects that cannot be made empty, or through
//                        keys, and for a std::variant that has lost its value; std::bad_alloc.
// Cost                   What is made of numbers, texts and containers of them is copied by its copy constructor: a vector of numbers
//                        at the speed of memcpy. In a graph of 200,000 shared_ptrs an object takes 0.9 us, its end included; a
//                        value with a type of your own in it goes through bytes. A transfer is a move: some nanoseconds.
// Source of the idea     HTML's structured clone, as Node's postMessage has it: but types stay what they are, and a long list does not
//                        overflow the stack.
#pragma once

#include <thrum/codec.h>
#include <thrum/detail/cloner.h>

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace thrum {

namespace detail {

// Written down and read again, because only its own functions can take it apart.
template <class T> T clone_by_bytes(const T& value) {
  encoder out;
  out.allow_attachments();
  out.write(value);
  const std::vector<std::byte> bytes = out.finish();
  const std::vector<attachment> attached = out.take_attachments();
  decoder in(bytes, attached);
  T twin = in.read<T>(); // ends before `in`, which takes apart what is long, if that fails
  in.finish();
  return twin;
}

template <class T> inline constexpr bool has_allocator_state = false;
template <class T>
  requires requires { typename T::allocator_type; }
inline constexpr bool has_allocator_state<T> =
    !std::allocator_traits<typename T::allocator_type>::is_always_equal::value;

template <class T> inline constexpr bool owns_together = false;
template <class T> inline constexpr bool owns_together<std::shared_ptr<T>> = true;
template <class T> inline constexpr bool owns_together<std::weak_ptr<T>> = true;

// `Seen`: what is being looked at already.
template <class T, class... Seen> consteval bool owns_alone(type_list<Seen...>);
template <class... Part, class... Seen>
consteval bool all_own_alone(type_list<Part...>, [[maybe_unused]] type_list<Seen...> seen) {
  return (owns_alone<std::remove_cv_t<Part>>(seen) && ...);
}
template <class T, class... Seen> consteval bool owns_alone(type_list<Seen...>) {
  if constexpr ((std::same_as<T, Seen> || ...))
    return true;
  else if constexpr (shares_memory<T>) // and is meant to
    return true;
  else if constexpr (is_own_type<T> || owns_together<T> || has_allocator_state<T>)
    return false;
  else
    return all_own_alone(typename form<T>::parts(), type_list<T, Seen...>());
}

} // namespace detail

template <class T>
concept transferable = sendable<T> && detail::may_wait<T> && detail::owns_alone<T>(detail::type_list<>());

// A deep copy.
template <class T> [[nodiscard]] T clone(const T& value) {
  if constexpr (!sendable<T>) {
    detail::demand_sendable<T>();
    __builtin_unreachable();
  } else if constexpr (detail::way_of<T> == detail::cloning::copy) {
    return value;
  } else if constexpr (detail::way_of<T> == detail::cloning::bytes) {
    return detail::clone_by_bytes(value);
  } else {
    detail::cloner all;
    T twin = all.copy(value);
    all.finish();
    return twin;
  }
}

// What is to be moved away. Made by transfer(), and taken at once by what it is passed to.
template <class T> class [[nodiscard("nothing is transferred until it is posted")]] transferred {
public:
  // `take(x)`: did it move x away? Then x is made empty; else it is left as it was.
  template <class F> bool give_to(F&& take) && {
    if (!take(std::move(from_))) return false;
    from_ = T();
    return true;
  }

private:
  template <class U> friend transferred<std::remove_reference_t<U>> transfer(U&& x) noexcept;
  explicit transferred(T& from) noexcept : from_(from) {}
  T& from_;
};

template <class T> transferred<std::remove_reference_t<T>> transfer(T&& x) noexcept {
  static_assert(!std::is_lvalue_reference_v<T>,
                "thrum: what is transferred is gone afterwards: write transfer(std::move(x))");
  static_assert(
      std::is_lvalue_reference_v<T> || transferable<T>,
      "thrum: this cannot be transferred, as it may share something with others (a std::shared_ptr, "
      "an own type, an allocator with a state), or cannot be made empty: post a clone of it");
  return transferred<std::remove_reference_t<T>>(x);
}

} // namespace thrum
