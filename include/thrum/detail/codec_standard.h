// The types that can be sent by themselves (codec.h). Included by it, at its end.
#pragma once

#include <thrum/codec.h>

#include <algorithm>

namespace thrum::detail {

// ---- what is none of the templates below: own types, numbers, enumerations, aggregates, and what cannot be sent

template <class... Part> consteval bool all_bulk(type_list<Part...>) {
  return (is_bulk<std::remove_cv_t<Part>> && ...);
}
template <class... Part> consteval std::size_t total_size(type_list<Part...>) {
  return (sizeof(Part) + ... + 0);
}
template <class... Part> consteval bool any_reference(type_list<Part...>) {
  return (std::is_reference_v<Part> || ...);
}
template <class... Part> consteval bool any_array(type_list<Part...>) {
  return (std::is_array_v<Part> || ...);
}

template <class T> struct own_form : made_of<> {
  static void write(encoder& out, const T& value) {
    const encoder::nested deeper(out);
    encode_to(out, value);
  }
  static T read(decoder& in) {
    const decoder::nested deeper(in);
    return decode_from(in, std::type_identity<T>());
  }
};

template <class T> struct number_form : made_of<> {
  // The x87's long double has bytes that belong to nobody.
  static constexpr bool has_gap = std::same_as<T, long double> && __LDBL_MANT_DIG__ == 64;
  static constexpr bool bulk = !has_gap;
  static constexpr std::size_t size = has_gap ? 10 : sizeof(T);
  static void write(encoder& out, const T& value) { out.write_bytes(&value, size); }
  static T read(decoder& in) {
    T value{};
    in.read_bytes(&value, size);
    return value;
  }
};

struct bool_form : made_of<> {
  static void write(encoder& out, bool value) {
    const unsigned char byte = value ? 1 : 0;
    out.write_bytes(&byte, 1);
  }
  static bool read(decoder& in) {
    unsigned char byte = 0;
    in.read_bytes(&byte, 1);
    if (byte > 1) in.fail("a bool that is neither true nor false");
    return byte == 1;
  }
};

template <class T> struct enumeration_form : made_of<> {
  static constexpr bool bulk = !std::same_as<std::underlying_type_t<T>, bool>;
  static void write(encoder& out, const T& value) {
    out.write(static_cast<std::underlying_type_t<T>>(value));
  }
  static T read(decoder& in) { return static_cast<T>(in.read<std::underlying_type_t<T>>()); }
};

template <class T> struct aggregate_form : made_of<> {
  using parts = member_types<T>;
  static constexpr unsendable trouble = any_reference(parts()) ? unsendable::reference
                                        : any_array(parts())   ? unsendable::array
                                                               : unsendable::none;
  static constexpr bool bulk = [] {
    if constexpr (trouble == unsendable::none && std::is_trivially_copyable_v<T> &&
                  std::default_initializable<T>)
      return member_count<T> != 0 && all_bulk(parts()) && total_size(parts()) == sizeof(T);
    else
      return false;
  }();
  static void write(encoder& out, const T& value) {
    if constexpr (member_count<T> == 0)
      out.write(false);
    else
      with_members(value, [&](const auto&... member) { (out.write(member), ...); });
  }
  static T read(decoder& in) { return make(in, parts()); }

private:
  template <class... Member> static T make(decoder& in, type_list<Member...>) {
    if constexpr (sizeof...(Member) == 0) in.read<bool>();
    return T{in.read<Member>()...}; // from left to right
  }
};

template <class T> consteval unsendable trouble_of() {
  if constexpr (std::is_reference_v<T>)
    return unsendable::reference;
  else if constexpr (std::is_pointer_v<T> || std::is_member_pointer_v<T> || std::is_null_pointer_v<T>)
    return unsendable::pointer;
  else if constexpr (std::is_array_v<T>)
    return unsendable::array;
  else if constexpr (std::is_enum_v<T>)
    return unsendable::open_enumeration;
  else if constexpr (view<T>)
    return unsendable::view;
  else if constexpr (is_function<T> || std::is_function_v<T>)
    return unsendable::function;
  else if constexpr (!std::is_aggregate_v<T> || std::is_union_v<T>)
    return unsendable::unknown;
  else if constexpr (has_base<T>)
    return unsendable::base;
  else if constexpr (member_count<T> == not_countable)
    return unsendable::too_many_members;
  else
    return unsendable::none;
}

template <class T> consteval auto choose_form() {
  if constexpr (has_codec<T>)
    return std::type_identity<own_form<T>>();
  else if constexpr (std::same_as<T, bool>)
    return std::type_identity<bool_form>();
  else if constexpr (number<T>)
    return std::type_identity<number_form<T>>();
  else if constexpr (closed_enumeration<T>)
    return std::type_identity<enumeration_form<T>>();
  else if constexpr (constexpr unsendable why = trouble_of<T>(); why != unsendable::none)
    return std::type_identity<refused<why>>();
  else
    return std::type_identity<aggregate_form<T>>();
}
template <class T> struct form : decltype(choose_form<T>())::type {};

// ---- sequences

// One after the other, of things that can be copied at once or not.
template <class Sequence> void write_elements(encoder& out, const Sequence& all) {
  const encoder::nested deeper(out);
  const std::size_t before = out.size();
  for (const auto& one : all) out.write(static_cast<const typename Sequence::value_type&>(one));
  if (out.size() - before < all.size())
    encoder::fail("an element has written nothing: encode_to() writes a byte at least");
}

template <class T> inline constexpr bool is_byte =
    std::same_as<T, char> || std::same_as<T, unsigned char> || std::same_as<T, std::byte>;

template <class Sequence> struct contiguous_form
    : made_of<typename Sequence::value_type> { // vector, basic_string
  using element = typename Sequence::value_type;
  static void write(encoder& out, const Sequence& all) {
    out.write_count(all.size());
    if constexpr (is_bulk<element>)
      out.write_bytes(all.data(), all.size() * sizeof(element));
    else
      write_elements(out, all);
  }
  static Sequence read(decoder& in) {
    Sequence all;
    if constexpr (is_bulk<element>) {
      const std::size_t n = in.read_size(sizeof(element));
      if constexpr (is_byte<element>) { // may be looked at where they are: need not be zeroed first
        const auto* from = reinterpret_cast<const element*>(in.take_bytes(n));
        all.assign(from, from + n);
      } else {
        all.resize(n);
        in.read_bytes(all.data(), n * sizeof(element));
      }
    } else {
      const decoder::nested deeper(in);
      const std::size_t n = in.read_size();
      all.reserve(std::min(n, in.left() / sizeof(element) + 1));
      for (std::size_t i = 0; i < n; ++i) all.push_back(in.read<element>());
    }
    return all;
  }
};
template <class C, class Traits, class A> struct form<std::basic_string<C, Traits, A>>
    : contiguous_form<std::basic_string<C, Traits, A>> {};
template <class T, class A> struct form<std::vector<T, A>> : contiguous_form<std::vector<T, A>> {};

template <class Sequence> struct linked_form : made_of<typename Sequence::value_type> {
  static void write(encoder& out, const Sequence& all) {
    out.write_count(all.size());
    write_elements(out, all);
  }
  static Sequence read(decoder& in) {
    const decoder::nested deeper(in);
    Sequence all;
    for (std::size_t n = in.read_size(); n > 0; --n) all.push_back(in.read<typename Sequence::value_type>());
    return all;
  }
};
template <class A> struct form<std::vector<bool, A>> : linked_form<std::vector<bool, A>> {};
template <class T, class A> struct form<std::deque<T, A>> : linked_form<std::deque<T, A>> {};
template <class T, class A> struct form<std::list<T, A>> : linked_form<std::list<T, A>> {};

template <class T, std::size_t N> struct form<std::array<T, N>> : made_of<T> {
  using whole = std::array<T, N>;
  static constexpr bool bulk = N != 0 && is_bulk<T> && sizeof(whole) == N * sizeof(T);
  static void write(encoder& out, const whole& all) {
    if constexpr (N == 0)
      out.write(false);
    else if constexpr (bulk)
      out.write_bytes(all.data(), sizeof all);
    else
      for (const T& one : all) out.write(one);
  }
  static whole read(decoder& in) {
    if constexpr (N == 0) {
      in.read<bool>();
      return {};
    } else if constexpr (bulk) {
      whole all;
      in.read_bytes(all.data(), sizeof all);
      return all;
    } else if constexpr (std::default_initializable<T> && std::is_move_assignable_v<T>) {
      whole all;
      for (T& one : all) one = in.read<T>();
      return all;
    } else {
      return make(in, std::make_index_sequence<N>());
    }
  }

private:
  template <std::size_t... I> static whole make(decoder& in, std::index_sequence<I...>) {
    return whole{{(static_cast<void>(I), in.read<T>())...}};
  }
};

// ---- maps and sets, in any order

template <class Container> consteval bool is_made_by_default() {
  if constexpr (requires { typename Container::key_compare; })
    return std::default_initializable<typename Container::key_compare>;
  else
    return std::default_initializable<typename Container::hasher> &&
           std::default_initializable<typename Container::key_equal>;
}
template <class Container>
concept made_by_default = is_made_by_default<Container>();

template <class Set, bool Many> struct set_form
    : form_of<made_by_default<Set> ? unsendable::none : unsendable::order, typename Set::key_type> {
  static void write(encoder& out, const Set& all) {
    out.write_count(all.size());
    const encoder::key whole(out);
    write_elements(out, all);
  }
  static Set read(decoder& in) {
    const decoder::nested deeper(in);
    const decoder::key whole(in);
    Set all;
    for (std::size_t n = in.read_size(); n > 0; --n) {
      const std::size_t before = all.size();
      all.insert(all.end(), in.read<typename Set::key_type>());
      if (!Many && all.size() == before) in.fail("a set has an element twice");
    }
    return all;
  }
};
template <class Map, bool Many> struct map_form
    : form_of<made_by_default<Map> ? unsendable::none : unsendable::order, typename Map::key_type,
              typename Map::mapped_type> {
  static void write(encoder& out, const Map& all) {
    const encoder::nested deeper(out);
    out.write_count(all.size());
    for (const auto& [key, value] : all) {
      write_key(out, key);
      out.write(value);
    }
  }
  static Map read(decoder& in) {
    const decoder::nested deeper(in);
    Map all;
    for (std::size_t n = in.read_size(); n > 0; --n) {
      auto key = read_key(in);
      const std::size_t before = all.size();
      all.emplace_hint(all.end(), std::move(key), in.read<typename Map::mapped_type>());
      if (!Many && all.size() == before) in.fail("a map has a key twice");
    }
    return all;
  }

private:
  static void write_key(encoder& out, const typename Map::key_type& key) {
    const encoder::key whole(out);
    const std::size_t before = out.size();
    out.write(key);
    if (out.size() == before) encoder::fail("a key has written nothing: encode_to() writes a byte at least");
  }
  static typename Map::key_type read_key(decoder& in) {
    const decoder::key whole(in);
    return in.read<typename Map::key_type>();
  }
};
template <class... T> struct form<std::set<T...>> : set_form<std::set<T...>, false> {};
template <class... T> struct form<std::multiset<T...>> : set_form<std::multiset<T...>, true> {};
template <class... T> struct form<std::unordered_set<T...>> : set_form<std::unordered_set<T...>, false> {};
template <class... T> struct form<std::unordered_multiset<T...>>
    : set_form<std::unordered_multiset<T...>, true> {};
template <class... T> struct form<std::map<T...>> : map_form<std::map<T...>, false> {};
template <class... T> struct form<std::multimap<T...>> : map_form<std::multimap<T...>, true> {};
template <class... T> struct form<std::unordered_map<T...>> : map_form<std::unordered_map<T...>, false> {};
template <class... T> struct form<std::unordered_multimap<T...>>
    : map_form<std::unordered_multimap<T...>, true> {};

// ---- several things, one of several, or perhaps one

template <class First, class Second> struct form<std::pair<First, Second>> : made_of<First, Second> {
  static void write(encoder& out, const std::pair<First, Second>& both) {
    out.write(both.first);
    out.write(both.second);
  }
  static std::pair<First, Second> read(decoder& in) { return {in.read<First>(), in.read<Second>()}; }
};

template <class... T> struct form<std::tuple<T...>> : made_of<T...> {
  static void write(encoder& out, const std::tuple<T...>& all) {
    if constexpr (sizeof...(T) == 0) out.write(false);
    std::apply([&](const auto&... one) { (out.write(one), ...); }, all);
  }
  static std::tuple<T...> read(decoder& in) {
    if constexpr (sizeof...(T) == 0) in.read<bool>();
    return std::tuple<T...>{in.read<T>()...}; // from left to right
  }
};

template <> struct form<std::monostate> : made_of<> {
  static void write(encoder& out, std::monostate) { out.write(false); }
  static std::monostate read(decoder& in) {
    in.read<bool>();
    return {};
  }
};

template <class... T> struct form<std::variant<T...>> : made_of<T...> {
  using one_of = std::variant<T...>;
  static void write(encoder& out, const one_of& value) {
    if (value.valueless_by_exception()) encoder::fail("a std::variant has no value");
    out.write_count(value.index());
    std::visit([&](const auto& one) { out.write(one); }, value);
  }
  static one_of read(decoder& in) {
    const std::uint64_t index = in.read_count();
    if (index >= sizeof...(T)) in.fail("a std::variant with an alternative that it does not have");
    return pick(in, index, std::index_sequence_for<T...>());
  }

private:
  template <std::size_t... I>
  static one_of pick(decoder& in, std::uint64_t index, std::index_sequence<I...>) {
    using reader = one_of (*)(decoder&);
    static constexpr reader readers[] = {&read_one<I>...};
    return readers[index](in);
  }
  template <std::size_t I> static one_of read_one(decoder& in) {
    return one_of(std::in_place_index<I>, in.read<std::variant_alternative_t<I, one_of>>());
  }
};

template <class T> struct form<std::optional<T>> : made_of<T> {
  static void write(encoder& out, const std::optional<T>& value) {
    out.write(value.has_value());
    if (value) out.write(*value);
  }
  static std::optional<T> read(decoder& in) {
    if (!in.read<bool>()) return std::nullopt;
    return std::optional<T>(std::in_place, in.read<T>());
  }
};

// ---- time

template <class Rep, class Period> struct form<std::chrono::duration<Rep, Period>> : made_of<Rep> {
  using duration = std::chrono::duration<Rep, Period>;
  static constexpr bool bulk = is_bulk<Rep> && sizeof(duration) == sizeof(Rep);
  static void write(encoder& out, const duration& d) { out.write(d.count()); }
  static duration read(decoder& in) { return duration(in.read<Rep>()); }
};
template <class Clock, class Duration> struct form<std::chrono::time_point<Clock, Duration>>
    : made_of<Duration> {
  using point = std::chrono::time_point<Clock, Duration>;
  static constexpr bool bulk = is_bulk<Duration> && sizeof(point) == sizeof(Duration);
  static void write(encoder& out, const point& p) { out.write(p.time_since_epoch()); }
  static point read(decoder& in) { return point(in.read<Duration>()); }
};

// ---- pointers that own

template <class T> consteval unsendable trouble_with_pointee() {
  if constexpr (std::is_array_v<T>)
    return unsendable::array;
  else if constexpr (std::is_void_v<T> || std::is_function_v<T>)
    return unsendable::pointer;
  else if constexpr (std::is_polymorphic_v<T> && !std::is_final_v<T>)
    return unsendable::many_kinds;
  else
    return unsendable::none;
}

template <class T, class Deleter> struct form<std::unique_ptr<T, Deleter>> : refused<unsendable::deleter> {};
template <class T> struct form<std::unique_ptr<T>>
    : form_of<trouble_with_pointee<T>(), std::remove_extent_t<T>> {
  static void write(encoder& out, const std::unique_ptr<T>& p) {
    const encoder::nested deeper(out);
    out.write(p != nullptr);
    if (p != nullptr) out.write(*p);
  }
  static std::unique_ptr<T> read(decoder& in) {
    const decoder::nested deeper(in);
    if (!in.read<bool>()) return nullptr;
    return std::make_unique<T>(in.read<T>());
  }
};

template <class T> struct form<std::shared_ptr<T>>
    : form_of<trouble_with_pointee<T>(), std::remove_extent_t<T>> {
  static void write(encoder& out, const std::shared_ptr<T>& p) { out.write_shared<std::remove_cv_t<T>>(p); }
  static std::shared_ptr<T> read(decoder& in) { return in.read_shared<std::remove_cv_t<T>>(); }
};
template <class T> struct form<std::weak_ptr<T>>
    : form_of<trouble_with_pointee<T>(), std::remove_extent_t<T>> {
  static void write(encoder& out, const std::weak_ptr<T>& p) {
    out.write_shared<std::remove_cv_t<T>>(p.lock());
  }
  static std::weak_ptr<T> read(decoder& in) { return in.read_shared<std::remove_cv_t<T>>(); }
};

} // namespace thrum::detail
