// Bytes that two processes see at the same time.
#include "pool/test_kit.h"

#include <thrum/clone.h>
#include <thrum/process_pool.h>
#include <thrum/shared_buffer.h>
#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <numeric>
#include <string>

using namespace std::chrono_literals;

namespace {

using thrum::pool::test::open_files;

long sum(const thrum::shared_buffer& b) {
  const auto all = b.as<int>();
  return std::accumulate(all.begin(), all.end(), 0L);
}

TEST(shared_buffers, what_is_written_there_is_seen_here_and_the_other_way_round) {
  thrum::run([] {
    thrum::process_pool pool({.processes = 2});
    const thrum::shared_buffer numbers(1000 * sizeof(int));
    EXPECT_EQ(sum(numbers), 0); // all zeros
    std::ranges::fill(numbers.as<int>(), 1);
    EXPECT_EQ(pool.submit(thrum::fn<&sum>, numbers).get(), 1000);
    pool.submit([](thrum::shared_buffer b) { std::ranges::fill(b.as<int>(), 2); }, numbers).get();
    EXPECT_EQ(sum(numbers), 2000);
    // As parts of others, and to several processes at once.
    struct stripe {
      thrum::shared_buffer whole;
      std::size_t from;
      std::size_t to;
    };
    pool.map(
        [](const stripe& s) {
          for (std::size_t i = s.from; i < s.to; ++i) s.whole.as<int>()[i] = 3;
        },
        std::vector<stripe>{{numbers, 0, 500}, {numbers, 500, 1000}}, 1);
    EXPECT_EQ(sum(numbers), 3000);
  });
}

TEST(shared_buffers, both_sides_may_use_it_at_the_same_time) {
  thrum::run([] {
    thrum::process_pool pool({.processes = 1});
    const thrum::shared_buffer b(sizeof(int));
    auto done = pool.submit(
        [](thrum::shared_buffer there) {
          std::atomic_ref<int> word(there.as<int>()[0]);
          word = 1;
          while (word != 2) thrum::this_fiber::yield();
        },
        b);
    std::atomic_ref<int> word(b.as<int>()[0]);
    while (word != 1) thrum::this_fiber::yield();
    word = 2;
    done.get();
  });
}

TEST(shared_buffers, come_back_as_results_and_live_as_long_as_a_copy) {
  thrum::run([] {
    const std::size_t files = open_files();
    {
      thrum::shared_buffer back;
      {
        thrum::process_pool pool(
            {.processes = 1,
             .initializer = thrum::initialized_by([](thrum::shared_buffer) {}, thrum::shared_buffer(1))});
        back = pool.submit([] {
                     thrum::shared_buffer b(5);
                     b.bytes()[4] = std::byte{7};
                     return b;
                   })
                   .get();
      }
      EXPECT_EQ(back.size(), 5u);
      EXPECT_EQ(back.bytes()[4], std::byte{7}); // its process is gone
      EXPECT_EQ(thrum::shared_buffer(back), back);
    }
    EXPECT_EQ(open_files(), files);
  });
}

TEST(shared_buffers, an_empty_one_is_sent_too) {
  thrum::run([] {
    thrum::process_pool pool({.processes = 1});
    EXPECT_EQ(
        pool.submit([](const thrum::shared_buffer& b) { return b.size(); }, thrum::shared_buffer()).get(),
        0u);
    EXPECT_EQ(thrum::shared_buffer(0).size(), 0u);
  });
}

TEST(shared_buffers, go_to_processes_only) {
  EXPECT_THROW(thrum::encode(thrum::shared_buffer(10)), thrum::codec_error);
  EXPECT_FALSE(thrum::decode<thrum::shared_buffer>(std::vector{std::byte{1}, std::byte{0}}));
}

struct labelled {
  std::string label;
  std::shared_ptr<thrum::shared_buffer> buffer;
};
class hidden {
public:
  explicit hidden(thrum::shared_buffer b) : buffer(std::move(b)) {}
  thrum::shared_buffer buffer;

private:
  friend void encode_to(thrum::encoder& out, const hidden& h) { out.write(h.buffer); }
  friend hidden decode_from(thrum::decoder& in, std::type_identity<hidden>) {
    return hidden(in.read<thrum::shared_buffer>());
  }
};
TEST(shared_buffers, a_clone_means_the_same_bytes) {
  const thrum::shared_buffer one(100);
  const std::size_t files = open_files();
  EXPECT_EQ(thrum::clone(one), one);
  EXPECT_EQ(*thrum::clone(labelled{"x", std::make_shared<thrum::shared_buffer>(one)}).buffer, one);
  const hidden twin = thrum::clone(hidden(one));
  EXPECT_EQ(twin.buffer, one);
  EXPECT_EQ(twin.buffer.bytes().data(), one.bytes().data());
  EXPECT_EQ(open_files(), files);
  EXPECT_EQ(thrum::clone(thrum::shared_buffer()), thrum::shared_buffer());
  static_assert(thrum::transferable<thrum::shared_buffer>);
}

TEST(shared_buffers, what_is_too_large_is_refused) {
  EXPECT_THROW(thrum::shared_buffer(~std::size_t{0}), thrum::io::failure);
}

} // namespace
