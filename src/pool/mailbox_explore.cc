// The flag of a mailbox: what is left there is read once and whole, in order, by a reader that watches, ceases and watches again; and
// whoever finds nobody watching knows it, so that nothing is lost.
#include "base/explore/expect.h"
#include "pool/mailbox_flag.h"

namespace thrum::pool {

namespace explore = base::explore;

namespace {

// The writer leaves 1, 2, ... as often as it finds somebody watching.
struct one_box {
  static constexpr int threads = 2;
  mailbox_flag flag;
  explore::plain<int> memory;
  int left = 0;     // of the writer
  int received = 0; // of the reader

  void write() {
    if (!flag.is_watched()) return;
    memory.set(left + 1);
    if (flag.raise()) ++left;
  }
  void take() {
    const int got = memory.get();
    flag.lower();
    explore::require(got == received + 1, "each comes once, in order, and whole");
    received = got;
  }
  void look() {
    flag.watch();
    if (flag.is_raised() || !flag.cease()) take();
  }
  void finish() { explore::require(left == received, "nothing is left where nobody looks"); }
};

struct both_twice : one_box {
  void thread(int index) {
    for (int i = 0; i < 2; ++i) index == 0 ? write() : look();
  }
};
struct three_looks : one_box {
  void thread(int index) {
    if (index == 0) return write(), write();
    look(), look(), look();
  }
};

} // namespace

TEST(mailbox_explore, what_is_left_comes_once_and_nothing_is_left_where_nobody_looks) {
  explore::expect_correct<both_twice>();
  explore::expect_correct<three_looks>();
}

TEST(mailbox_explore, every_order_is_needed) {
  explore::expect_no_survivor(
      explore::mutation_gate({explore::scenario_of<both_twice>(), explore::scenario_of<three_looks>()},
                             {.files = {"pool/mailbox_flag.h"}}));
}

} // namespace thrum::pool
