// Power series by demand-driven fibers, after McIlroy's "Squinting at power series" (Go keeps a form of it as powser1.go): a series is a
// channel of requests and a channel of coefficients, an operation a fiber between series. A few lines of algebra make
// hundreds of fibers that wait for each other in every direction; exact fractions check every step.
#include "support/on_processors.h"

#include <thrum/thrum.h>

#include <cstdint>
#include <numeric>
#include <ostream>
#include <utility>
#include <vector>

namespace {

using thrum::chan;

class power_series : public test::on_processors {};

struct fraction {
  std::int64_t top = 0;
  std::int64_t bottom = 1;

  fraction(std::int64_t t = 0, std::int64_t b = 1) : top(t), bottom(b) { // NOLINT: an integer is a fraction
    const std::int64_t d = std::gcd(top, bottom) * (bottom < 0 ? -1 : 1);
    top /= d;
    bottom /= d;
  }
  friend fraction operator+(fraction a, fraction b) {
    return {a.top * b.bottom + b.top * a.bottom, a.bottom * b.bottom};
  }
  friend fraction operator*(fraction a, fraction b) {
    const fraction x(a.top, b.bottom); // reduced crosswise first: keeps the numbers small
    const fraction y(b.top, a.bottom);
    return {x.top * y.top, x.bottom * y.bottom};
  }
  friend bool operator==(const fraction&, const fraction&) = default;
  friend std::ostream& operator<<(std::ostream& out, const fraction& f) {
    return out << f.top << "/" << f.bottom;
  }
};

// Coefficients are computed when they are asked for, one at a time.
struct series {
  chan<int> wanted;
  chan<fraction> coefficients;

  fraction next() const {
    wanted.send(1);
    return coefficients.recv().value();
  }
  // The producing side.
  void answer(fraction f) const {
    static_cast<void>(wanted.recv());
    coefficients.send(f);
  }
  // Passes on what another series has to give, for ever.
  [[noreturn]] void continue_with(const series& other) const {
    for (;;) {
      static_cast<void>(wanted.recv());
      coefficients.send(other.next());
    }
  }
};

// A series made by a fiber that runs produce(out).
template <class Produce> series made_by(Produce produce) {
  series out;
  thrum::go([=] { produce(out); });
  return out;
}

// Two copies of a series, which may be read at different speed: a fiber per coefficient remembers it until the slower one has
// come by.
void split_between(const series& in, series fast, series slow, const chan<int>& released) {
  bool both_waited = false;
  // Which copy asks first? Before the last coefficient was delivered to both, only the faster one may go on.
  switch (thrum::select(thrum::recv(fast.wanted), thrum::recv(released))) {
  case 0: break;
  case 1:
    both_waited = true;
    if (thrum::select(thrum::recv(fast.wanted), thrum::recv(slow.wanted)) == 1) std::swap(fast, slow);
    break;
  }
  const fraction f = in.next();
  const chan<int> done;
  thrum::go([=] { split_between(in, fast, slow, done); });
  fast.coefficients.send(f);
  if (!both_waited) static_cast<void>(released.recv());
  slow.answer(f);
  done.send(1);
}

std::pair<series, series> split(const series& in) {
  const std::pair<series, series> copies;
  thrum::go([=] {
    const chan<int> released(1);
    released.send(1);
    split_between(in, copies.first, copies.second, released);
  });
  return copies;
}

series add(const series& u, const series& v) {
  return made_by([=](const series& out) {
    for (;;) {
      static_cast<void>(out.wanted.recv());
      out.coefficients.send(u.next() + v.next());
    }
  });
}

series scale(fraction c, const series& u) {
  return made_by([=](const series& out) {
    for (;;) {
      static_cast<void>(out.wanted.recv());
      out.coefficients.send(c * u.next());
    }
  });
}

// (u0 + x U)(v0 + x V) = u0 v0 + x (u0 V + v0 U) + x^2 U V
series multiply(const series& u, const series& v) {
  return made_by([=](const series& out) {
    static_cast<void>(out.wanted.recv());
    const fraction u0 = u.next();
    const fraction v0 = v.next();
    out.coefficients.send(u0 * v0);
    const auto [u1, u2] = split(u);
    const auto [v1, v2] = split(v);
    const series linear = add(scale(u0, v1), scale(v0, u1));
    out.answer(linear.next());
    out.continue_with(add(linear, multiply(u2, v2)));
  });
}

series integral(fraction constant, const series& u) {
  return made_by([=](const series& out) {
    out.answer(constant);
    for (std::int64_t n = 1;; ++n) {
      static_cast<void>(out.wanted.recv());
      out.coefficients.send(u.next() * fraction(1, n));
    }
  });
}

series derivative(const series& u) {
  return made_by([=](const series& out) {
    static_cast<void>(out.wanted.recv());
    static_cast<void>(u.next());
    for (std::int64_t n = 1;; ++n) {
      out.coefficients.send(u.next() * fraction(n));
      static_cast<void>(out.wanted.recv());
    }
  });
}

// 1 / u: out0 = 1/u0, and x OUT = -out0 x U OUT
series reciprocal(const series& u) {
  return made_by([=](const series& out) {
    static_cast<void>(out.wanted.recv());
    const fraction u0 = u.next();
    const fraction first(u0.bottom, u0.top);
    out.coefficients.send(first);
    series self;
    const auto [shown, used] = split(self);
    thrum::go([=] {
      self.answer(first);
      self.continue_with(scale(first * fraction(-1), multiply(u, used)));
    });
    static_cast<void>(shown.next()); // the first was sent
    out.continue_with(shown);
  });
}

// A solution of y' = f(y) by itself: the series is fed back into its own definition.
template <class F> series solution(fraction start, F right_side) {
  series self;
  const auto [shown, used] = split(self);
  thrum::go([=] { self.continue_with(integral(start, right_side(used))); });
  return shown;
}

series constant(std::vector<fraction> first) {
  return made_by([=](const series& out) {
    for (const fraction f : first) out.answer(f);
    for (;;) out.answer(0);
  });
}
series all_ones() {
  return made_by([](const series& out) {
    for (;;) out.answer(1);
  });
}

std::vector<fraction> first(int n, const series& s) {
  std::vector<fraction> all;
  for (int i = 0; i < n; ++i) all.push_back(s.next());
  return all;
}

using fractions = std::vector<fraction>;

} // namespace

TEST_P(power_series, sums_and_products) {
  run([] {
    EXPECT_EQ(first(5, add(all_ones(), all_ones())), (fractions{2, 2, 2, 2, 2}));
    EXPECT_EQ(first(8, multiply(all_ones(), all_ones())), (fractions{1, 2, 3, 4, 5, 6, 7, 8}));
    EXPECT_EQ(first(5, multiply(constant({1, 1}), multiply(constant({1, 1}), constant({1, 1})))),
              (fractions{1, 3, 3, 1, 0}));
  });
}

TEST_P(power_series, a_copy_may_run_ahead_of_the_other) {
  run([] {
    const auto [a, b] = split(multiply(all_ones(), all_ones()));
    EXPECT_EQ(first(6, a), (fractions{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(first(9, b), (fractions{1, 2, 3, 4, 5, 6, 7, 8, 9}));
    EXPECT_EQ(first(5, a), (fractions{7, 8, 9, 10, 11}));
  });
}

TEST_P(power_series, derivatives_integrals_and_reciprocals) {
  run([] {
    EXPECT_EQ(first(5, derivative(all_ones())), (fractions{1, 2, 3, 4, 5}));
    EXPECT_EQ(first(5, integral(0, all_ones())), (fractions{0, 1, {1, 2}, {1, 3}, {1, 4}}));
    EXPECT_EQ(first(7, reciprocal(constant({1, -1}))), (fractions{1, 1, 1, 1, 1, 1, 1}));
    EXPECT_EQ(first(7, reciprocal(constant({2, 1}))),
              (fractions{{1, 2}, {-1, 4}, {1, 8}, {-1, 16}, {1, 32}, {-1, 64}, {1, 128}}));
  });
}

TEST_P(power_series, the_exponential_is_its_own_derivative) {
  run([] {
    const series e = solution(1, [](const series& y) { return y; });
    EXPECT_EQ(first(8, e), (fractions{1, 1, {1, 2}, {1, 6}, {1, 24}, {1, 120}, {1, 720}, {1, 5040}}));
  });
}

TEST_P(power_series, the_tangent_solves_its_equation) {
  run([] {
    // y' = 1 + y^2
    const series tan = solution(0, [](const series& y) {
      const auto [a, b] = split(y);
      return add(constant({1}), multiply(a, b));
    });
    EXPECT_EQ(first(10, tan), (fractions{0, 1, 0, {1, 3}, 0, {2, 15}, 0, {17, 315}, 0, {62, 2835}}));
  });
}

THRUM_ON_PROCESSORS(power_series);
