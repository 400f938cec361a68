// A mailbox takes what somebody looks out for, and nothing else; and what lies there is believed only as far as it makes sense.
#include "pool/mailbox.h"
#include "pool/wire.h"

#include <thrum/thrum.h>

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <system_error>
#include <vector>

namespace thrum::pool {

namespace {

std::vector<std::byte> room_for(std::size_t content) { return std::vector<std::byte>(head_size + content); }

TEST(mailboxes, give_what_somebody_looks_out_for) {
  run([] {
    const shared_mailboxes boxes;
    lookout at(boxes->calls);
    fiber<> writer = spawn([&] {
      for (std::uint64_t i = 1; i <= 1000; ++i) {
        auto bytes = room_for(i % 50);
        while (!leave(boxes->calls, message_kind::run, i, bytes, {})) this_fiber::yield();
      }
    });
    for (std::uint64_t i = 1; i <= 1000; ++i) {
      while (!at.await()) {}
      const auto m = take(boxes->calls);
      ASSERT_TRUE(m);
      EXPECT_EQ(m->kind, message_kind::run);
      EXPECT_EQ(m->id, i);
      EXPECT_EQ(m->what.bytes().size(), i % 50);
    }
    writer.join();
  });
}

TEST(mailboxes, take_nothing_while_nobody_looks) {
  run([] {
    const shared_mailboxes boxes;
    auto bytes = room_for(1);
    EXPECT_FALSE(leave(boxes->calls, message_kind::run, 1, bytes, {}));
    lookout at(boxes->calls);
    EXPECT_FALSE(at.await()); // nor is there anything
    EXPECT_FALSE(leave(boxes->calls, message_kind::run, 1, bytes, {}));
  });
}

// Puts bytes there while somebody looks, and returns what he makes of them.
template <class Leave> io::result<message> read_what(Leave leave_something) {
  const shared_mailboxes boxes;
  lookout at(boxes->calls);
  fiber<> writer = spawn([&] {
    while (!leave_something(boxes->calls)) this_fiber::yield();
  });
  while (!at.await()) {}
  writer.join();
  return take(boxes->calls);
}

TEST(mailboxes, are_not_believed_blindly) {
  run([] {
    auto good = room_for(8);
    const auto leave_raw = [](std::vector<std::byte> raw) {
      return read_what([&](mailbox& at) { return at.leave(raw); });
    };
    ASSERT_TRUE(read_what([&](mailbox& at) { return leave(at, message_kind::run, 1, good, {}); }));
    ASSERT_TRUE(leave_raw(good)); // its head is written now

    const auto bad = [&](auto change) {
      message_head head;
      std::memcpy(&head, good.data(), head_size);
      change(head);
      auto bytes = good;
      std::memcpy(bytes.data(), &head, head_size);
      const auto m = leave_raw(bytes);
      return !m && m.error().code == std::errc::bad_message;
    };
    EXPECT_TRUE(bad([](message_head& h) { h.mark = 0; }));
    EXPECT_TRUE(bad([](message_head& h) { h.kind = static_cast<message_kind>(99); }));
    EXPECT_TRUE(bad([](message_head& h) { h.size = 9; }));
    EXPECT_TRUE(bad([](message_head& h) { h.size = 7; }));
    EXPECT_TRUE(bad([](message_head& h) { h.beside = 1; }));
    EXPECT_TRUE(bad([](message_head& h) { h.attached = 1; }));
    EXPECT_FALSE(leave_raw(std::vector<std::byte>(head_size - 1)));
    EXPECT_FALSE(leave_raw({}));
  });
}

TEST(mailboxes, have_no_room_for_what_is_large_nor_for_descriptors) {
  run([] {
    const shared_mailboxes boxes;
    lookout at(boxes->calls);
    bool is_over = false;
    fiber<> reader = spawn([&] {
      while (!at.await()) {}
      is_over = true;
    });
    auto large = room_for(mailbox::room - head_size + 1);
    auto small = room_for(mailbox::room - head_size);
    const std::array<detail::attachment, 1> beside{detail::attachment{.descriptor = 0, .owner = nullptr}};
    for (int i = 0; i < 1000; ++i) {
      EXPECT_FALSE(leave(boxes->calls, message_kind::run, 1, large, {}));
      EXPECT_FALSE(leave(boxes->calls, message_kind::run, 1, small, beside));
      this_fiber::yield();
    }
    EXPECT_FALSE(is_over);
    while (!leave(boxes->calls, message_kind::run, 1, small, {})) this_fiber::yield();
    reader.join();
    EXPECT_EQ(take(boxes->calls)->what.bytes().size(), mailbox::room - head_size);
  });
}

} // namespace

} // namespace thrum::pool
