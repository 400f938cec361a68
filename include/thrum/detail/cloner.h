// Serves clone.h: how a value is copied without being written down as bytes.
//
// Three ways, found out by the compiler:
//   copy    the type's own copy is a deep one: numbers, texts, containers of them. At the speed of memory
//   walk    something in it is owned by a pointer, or it may contain itself: a cloner goes through it
//   bytes   it contains a type of yours, which only its encode_to() and decode_from() can take apart
// What can be cloned, and what consists of what, is said in one place for all: form<T> (codec_form.h).
//
// A cloner does what encoder and decoder do together, in one step. What a shared_ptr means is made once, empty, and filled when all that is
// around it is done (node_state in codec.h); so is what a unique_ptr owns. So lists of any length need no stack. If that fails, it empties
// each object before it lets go of them: neither is a long list destroyed from end to end on one stack, nor do cycles stay behind.
#pragma once

#include <thrum/codec.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace thrum::detail {

enum class cloning : std::uint8_t { copy, walk, bytes };

template <class T> inline constexpr bool owns_by_pointer = false;
template <class T, class D> inline constexpr bool owns_by_pointer<std::unique_ptr<T, D>> = true;
template <class T> inline constexpr bool owns_by_pointer<std::shared_ptr<T>> = true;
template <class T> inline constexpr bool owns_by_pointer<std::weak_ptr<T>> = true;

template <class T> inline constexpr bool is_own_type = std::derived_from<form<T>, own_form<T>>;

// `Seen`: what is being looked at already.
template <class T, class... Seen> consteval cloning way_to_clone(type_list<Seen...>);
template <class... Part, class... Seen>
consteval cloning way_to_clone_all(type_list<Part...>, [[maybe_unused]] type_list<Seen...> seen) {
  cloning most = cloning::copy;
  static_cast<void>(((most = std::max(most, way_to_clone<std::remove_cv_t<Part>>(seen))), ...));
  return most;
}
template <class T, class... Seen> consteval cloning way_to_clone(type_list<Seen...>) {
  if constexpr ((std::same_as<T, Seen> || ...)) { // it may be as deep as it likes: the walk counts
    return cloning::walk;
  } else if constexpr (shares_memory<T>) {
    return cloning::copy;
  } else if constexpr (is_own_type<T>) {
    return cloning::bytes;
  } else {
    constexpr cloning parts = way_to_clone_all(typename form<T>::parts(), type_list<T, Seen...>());
    return owns_by_pointer<T> || !std::copy_constructible<T> ? std::max(parts, cloning::walk) : parts;
  }
}
template <class T> inline constexpr cloning way_of = way_to_clone<T>(type_list<>());

template <class T> struct copier; // of what is walked through

class cloner {
public:
  cloner() = default;
  cloner(const cloner&) = delete;
  cloner& operator=(const cloner&) = delete;

  template <class T> T copy(const T& value) {
    if constexpr (way_of<T> == cloning::copy)
      return value;
    else
      return copier<T>::make(*this, value);
  }
  // Fills what was made empty. The last call.
  void finish();

  // ---- for the copiers
  class nested { // one level deeper
  public:
    explicit nested(cloner& c) : cloner_(c) {
      if (++c.depth_ > deepest) fail_depth(c);
    }
    ~nested() { --cloner_.depth_; }
    nested(const nested&) = delete;
    nested& operator=(const nested&) = delete;

  private:
    cloner& cloner_;
  };
  class key { // nothing waits
  public:
    explicit key(cloner& c) noexcept : cloner_(c) { ++c.keys_; }
    ~key() { --cloner_.keys_; }
    key(const key&) = delete;
    key& operator=(const key&) = delete;

  private:
    cloner& cloner_;
  };
  template <class T> std::shared_ptr<T> share(const T* from) {
    return std::static_pointer_cast<T>(share_node(from, kind_of<T>));
  }
  void keep(std::shared_ptr<const void> source) { kept_.push_back(std::move(source)); }
  template <class T> std::unique_ptr<T> own(const T& from) {
    if constexpr (way_of<T> == cloning::walk && may_wait<T>)
      if (keys_ == 0) {
        auto made = std::make_unique<T>();
        owned_.push_back({&from, made.get(), &kind_of<T>});
        return made;
      }
    const nested deeper(*this);
    return std::make_unique<T>(copy(from));
  }
  [[noreturn]] static void fail(const char* what);

private:
  struct kind {
    std::shared_ptr<void> (*make)() = nullptr; // an empty one; null: it cannot wait, or need not
    void (*fill)(cloner&, void* to, const void* from) = nullptr;
    void (*empty)(void* object) = nullptr;
    std::shared_ptr<void> (*make_filled)(cloner&, const void* from) = nullptr; // if it does not wait
  };
  struct node { // what shared_ptrs mean
    const void* from;
    std::shared_ptr<void> to;
    const kind* what;
    node_state state;
  };
  struct owned { // what a unique_ptr owns
    const void* from;
    void* to;
    const kind* what;
  };
  struct name {
    const void* object;
    const kind* type;
    bool operator==(const name&) const noexcept = default;
  };
  struct name_hash {
    std::size_t operator()(const name& n) const noexcept {
      return std::hash<const void*>()(n.object) ^ (std::hash<const void*>()(n.type) << 1);
    }
  };

  template <class T> static constexpr kind make_kind() noexcept {
    kind k;
    if constexpr (way_of<T> == cloning::copy) {
      k.make_filled = [](cloner&, const void* from) -> std::shared_ptr<void> {
        return std::make_shared<T>(*static_cast<const T*>(from));
      };
    } else if constexpr (may_wait<T>) {
      k.make = []() -> std::shared_ptr<void> { return std::make_shared<T>(); };
      k.fill = [](cloner& c, void* to, const void* from) {
        *static_cast<T*>(to) = c.copy(*static_cast<const T*>(from));
      };
      k.empty = [](void* object) { *static_cast<T*>(object) = T(); };
    } else {
      k.make_filled = [](cloner& c, const void* from) -> std::shared_ptr<void> {
        const nested deeper(c);
        return std::make_shared<T>(c.copy(*static_cast<const T*>(from)));
      };
    }
    return k;
  }
  template <class T> static inline const kind kind_of = make_kind<T>();

  std::shared_ptr<void> share_node(const void* from, const kind& what);
  void make_now(std::size_t index);
  template <class Step> void do_step(Step step);
  void take_apart() noexcept;
  [[noreturn]] static void fail_depth(cloner& c);

  std::vector<node> nodes_;
  std::vector<owned> owned_;
  std::unordered_map<name, std::size_t, name_hash> known_;
  std::vector<std::shared_ptr<const void>> kept_; // sources that nobody else may keep
  std::size_t nodes_done_ = 0;
  std::size_t owned_done_ = 0;
  unsigned depth_ = 0;
  unsigned keys_ = 0;
};

// ---- how to go through what

template <class T> struct copier { // aggregates
  static T make(cloner& c, const T& value) {
    return with_members(value, [&](const auto&... member) {
      return T{c.copy<std::remove_cvref_t<decltype(member)>>(member)...}; // from left to right
    });
  }
};

template <class Sequence> struct sequence_copier {
  static Sequence make(cloner& c, const Sequence& all) {
    const cloner::nested deeper(c);
    Sequence twin;
    if constexpr (requires { twin.reserve(all.size()); }) twin.reserve(all.size());
    for (const auto& one : all) twin.push_back(c.copy<typename Sequence::value_type>(one));
    return twin;
  }
};
template <class T, class A> struct copier<std::vector<T, A>> : sequence_copier<std::vector<T, A>> {};
template <class T, class A> struct copier<std::deque<T, A>> : sequence_copier<std::deque<T, A>> {};
template <class T, class A> struct copier<std::list<T, A>> : sequence_copier<std::list<T, A>> {};

template <class T, std::size_t N> struct copier<std::array<T, N>> {
  using whole = std::array<T, N>;
  static whole make(cloner& c, const whole& all) {
    if constexpr (N == 0) {
      return {};
    } else if constexpr (may_wait<T>) {
      whole twin;
      for (std::size_t i = 0; i < N; ++i) twin[i] = c.copy(all[i]);
      return twin;
    } else {
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return whole{{c.copy(all[I])...}};
      }(std::make_index_sequence<N>());
    }
  }
};

template <class Set> struct set_copier {
  static Set make(cloner& c, const Set& all) {
    const cloner::nested deeper(c);
    const cloner::key whole(c);
    Set twin;
    for (const auto& one : all) twin.insert(twin.end(), c.copy(one));
    return twin;
  }
};
template <class Map> struct map_copier {
  static Map make(cloner& c, const Map& all) {
    const cloner::nested deeper(c);
    Map twin;
    for (const auto& [key, value] : all) {
      auto same_key = copy_key(c, key);
      twin.emplace_hint(twin.end(), std::move(same_key), c.copy(value));
    }
    return twin;
  }

private:
  static typename Map::key_type copy_key(cloner& c, const typename Map::key_type& key) {
    const cloner::key whole(c);
    return c.copy(key);
  }
};
template <class... T> struct copier<std::set<T...>> : set_copier<std::set<T...>> {};
template <class... T> struct copier<std::multiset<T...>> : set_copier<std::multiset<T...>> {};
template <class... T> struct copier<std::unordered_set<T...>> : set_copier<std::unordered_set<T...>> {};
template <class... T> struct copier<std::unordered_multiset<T...>>
    : set_copier<std::unordered_multiset<T...>> {};
template <class... T> struct copier<std::map<T...>> : map_copier<std::map<T...>> {};
template <class... T> struct copier<std::multimap<T...>> : map_copier<std::multimap<T...>> {};
template <class... T> struct copier<std::unordered_map<T...>> : map_copier<std::unordered_map<T...>> {};
template <class... T> struct copier<std::unordered_multimap<T...>>
    : map_copier<std::unordered_multimap<T...>> {};

template <class First, class Second> struct copier<std::pair<First, Second>> {
  static std::pair<First, Second> make(cloner& c, const std::pair<First, Second>& both) {
    return {c.copy<std::remove_cv_t<First>>(both.first), c.copy<std::remove_cv_t<Second>>(both.second)};
  }
};
template <class... T> struct copier<std::tuple<T...>> {
  static std::tuple<T...> make(cloner& c, const std::tuple<T...>& all) {
    return std::apply(
        [&](const auto&... one) {
          return std::tuple<T...>{c.copy<std::remove_cvref_t<decltype(one)>>(one)...};
        },
        all);
  }
};
template <class... T> struct copier<std::variant<T...>> {
  using one_of = std::variant<T...>;
  static one_of make(cloner& c, const one_of& value) {
    if (value.valueless_by_exception()) cloner::fail("a std::variant has no value");
    return pick(c, value, std::index_sequence_for<T...>());
  }

private:
  template <std::size_t... I> static one_of pick(cloner& c, const one_of& value, std::index_sequence<I...>) {
    using maker = one_of (*)(cloner&, const one_of&);
    static constexpr maker makers[] = {&make_one<I>...};
    return makers[value.index()](c, value);
  }
  template <std::size_t I> static one_of make_one(cloner& c, const one_of& value) {
    return one_of(std::in_place_index<I>, c.copy(std::get<I>(value)));
  }
};
template <class T> struct copier<std::optional<T>> {
  static std::optional<T> make(cloner& c, const std::optional<T>& value) {
    if (!value) return std::nullopt;
    return std::optional<T>(std::in_place, c.copy<std::remove_cv_t<T>>(*value));
  }
};

template <class T> struct copier<std::unique_ptr<T>> {
  static std::unique_ptr<T> make(cloner& c, const std::unique_ptr<T>& p) {
    if (p == nullptr) return nullptr;
    return c.own<std::remove_cv_t<T>>(*p);
  }
};
template <class T> struct copier<std::shared_ptr<T>> {
  static std::shared_ptr<T> make(cloner& c, const std::shared_ptr<T>& p) {
    return c.share<std::remove_cv_t<T>>(p.get());
  }
};
template <class T> struct copier<std::weak_ptr<T>> {
  static std::weak_ptr<T> make(cloner& c, const std::weak_ptr<T>& p) {
    std::shared_ptr<T> source = p.lock();
    auto twin = c.share<std::remove_cv_t<T>>(source.get());
    if (source != nullptr) c.keep(std::move(source));
    return twin;
  }
};

} // namespace thrum::detail
