// members: what an aggregate consists of, found out by the compiler alone.
//
// How many members there are: as many as a list of values may have that makes one. The values are of a type that becomes
// anything (any_member), and only the compiler looks at them. What they are: structured bindings take the whole apart, and need to be
// written down once for each number of members, up to most_members.
//
// Two kinds of aggregates are counted wrongly by that: one with an array as a member (the list may name each element of it), and one
// with a base class (which is a value of the list, too). The first is refused by the compiler, or found by its type; for
// the second, a value that becomes nothing but a base class is tried.
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace thrum::detail {

template <class... T> struct type_list {};

inline constexpr std::size_t most_members = 16;
inline constexpr std::size_t not_countable = most_members + 1; // more, or no list makes one

template <class Whole> struct any_member {
  template <class T>
    requires(!std::same_as<T, Whole>)
  operator T() const noexcept {
    __builtin_unreachable(); // nobody calls it
  }
};
template <class Whole> struct any_base {
  template <class T>
    requires(std::derived_from<Whole, T> && !std::same_as<T, Whole>)
  operator T() const noexcept {
    __builtin_unreachable(); // nobody calls it
  }
};

template <class Whole, std::size_t... I> consteval bool is_made_of(std::index_sequence<I...>) noexcept {
  return requires { Whole{(static_cast<void>(I), any_member<Whole>{})...}; };
}
template <class Whole, std::size_t N = most_members + 1> consteval std::size_t count_members() noexcept {
  if constexpr (is_made_of<Whole>(std::make_index_sequence<N>()))
    return N;
  else if constexpr (N == 0)
    return not_countable;
  else
    return count_members<Whole, N - 1>();
}

template <class Whole> inline constexpr std::size_t member_count = count_members<Whole>();
template <class Whole> inline constexpr bool has_base = requires { Whole{any_base<Whole>{}}; };

// visit(all members).
template <class Whole, class F> decltype(auto) with_members(const Whole& whole, F&& visit) {
  constexpr std::size_t count = member_count<Whole>;
  if constexpr (count == 0) {
    static_cast<void>(whole);
    return visit();
  } else if constexpr (count == 1) {
    const auto& [a] = whole;
    return visit(a);
  } else if constexpr (count == 2) {
    const auto& [a, b] = whole;
    return visit(a, b);
  } else if constexpr (count == 3) {
    const auto& [a, b, c] = whole;
    return visit(a, b, c);
  } else if constexpr (count == 4) {
    const auto& [a, b, c, d] = whole;
    return visit(a, b, c, d);
  } else if constexpr (count == 5) {
    const auto& [a, b, c, d, e] = whole;
    return visit(a, b, c, d, e);
  } else if constexpr (count == 6) {
    const auto& [a, b, c, d, e, f] = whole;
    return visit(a, b, c, d, e, f);
  } else if constexpr (count == 7) {
    const auto& [a, b, c, d, e, f, g] = whole;
    return visit(a, b, c, d, e, f, g);
  } else if constexpr (count == 8) {
    const auto& [a, b, c, d, e, f, g, h] = whole;
    return visit(a, b, c, d, e, f, g, h);
  } else if constexpr (count == 9) {
    const auto& [a, b, c, d, e, f, g, h, i] = whole;
    return visit(a, b, c, d, e, f, g, h, i);
  } else if constexpr (count == 10) {
    const auto& [a, b, c, d, e, f, g, h, i, j] = whole;
    return visit(a, b, c, d, e, f, g, h, i, j);
  } else if constexpr (count == 11) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k] = whole;
    return visit(a, b, c, d, e, f, g, h, i, j, k);
  } else if constexpr (count == 12) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l] = whole;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l);
  } else if constexpr (count == 13) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = whole;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m);
  } else if constexpr (count == 14) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = whole;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
  } else if constexpr (count == 15) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = whole;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
  } else if constexpr (count == 16) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = whole;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
  }
}

// Their types, as they are declared.
template <class Whole> auto members_of(Whole& whole) {
  constexpr std::size_t count = member_count<Whole>;
  if constexpr (count == 0) {
    static_cast<void>(whole);
    return type_list<>();
  } else if constexpr (count == 1) {
    auto& [a] = whole;
    return type_list<decltype(a)>();
  } else if constexpr (count == 2) {
    auto& [a, b] = whole;
    return type_list<decltype(a), decltype(b)>();
  } else if constexpr (count == 3) {
    auto& [a, b, c] = whole;
    return type_list<decltype(a), decltype(b), decltype(c)>();
  } else if constexpr (count == 4) {
    auto& [a, b, c, d] = whole;
    return type_list<decltype(a), decltype(b), decltype(c), decltype(d)>();
  } else if constexpr (count == 5) {
    auto& [a, b, c, d, e] = whole;
    return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e)>();
  } else if constexpr (count == 6) {
    auto& [a, b, c, d, e, f] = whole;
    return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f)>();
  } else if constexpr (count == 7) {
    auto& [a, b, c, d, e, f, g] = whole;
    return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f),
                     decltype(g)>();
  } else if constexpr (count == 8) {
    auto& [a, b, c, d, e, f, g, h] = whole;
    return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f),
                     decltype(g), decltype(h)>();
  } else if constexpr (count == 9) {
    auto& [a, b, c, d, e, f, g, h, i] = whole;
    return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f),
                     decltype(g), decltype(h), decltype(i)>();
  } else if constexpr (count == 10) {
    auto& [a, b, c, d, e, f, g, h, i, j] = whole;
    return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f),
                     decltype(g), decltype(h), decltype(i), decltype(j)>();
  } else if constexpr (count == 11) {
    auto& [a, b, c, d, e, f, g, h, i, j, k] = whole;
    return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f),
                     decltype(g), decltype(h), decltype(i), decltype(j), decltype(k)>();
  } else if constexpr (count == 12) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l] = whole;
    return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f),
                     decltype(g), decltype(h), decltype(i), decltype(j), decltype(k), decltype(l)>();
  } else if constexpr (count == 13) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = whole;
    return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f),
                     decltype(g), decltype(h), decltype(i), decltype(j), decltype(k), decltype(l),
                     decltype(m)>();
  } else if constexpr (count == 14) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = whole;
    return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f),
                     decltype(g), decltype(h), decltype(i), decltype(j), decltype(k), decltype(l),
                     decltype(m), decltype(n)>();
  } else if constexpr (count == 15) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = whole;
    return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f),
                     decltype(g), decltype(h), decltype(i), decltype(j), decltype(k), decltype(l),
                     decltype(m), decltype(n), decltype(o)>();
  } else if constexpr (count == 16) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = whole;
    return type_list<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f),
                     decltype(g), decltype(h), decltype(i), decltype(j), decltype(k), decltype(l),
                     decltype(m), decltype(n), decltype(o), decltype(p)>();
  }
}
template <class Whole> using member_types = decltype(members_of(std::declval<Whole&>()));

} // namespace thrum::detail
