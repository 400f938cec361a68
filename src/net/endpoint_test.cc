#include <thrum/net/endpoint.h>

#include "net/socket_address.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <cstring>
#include <memory>
#include <random>

namespace thrum::net {
namespace {

static_assert(sizeof(endpoint) == 24); // as endpoint.h says

TEST(endpoint, reads_what_it_writes) {
  for (const char* text :
       {"0.0.0.0:0", "127.0.0.1:80", "255.255.255.255:65535", "[::]:0", "[::1]:443", "[2001:db8::1]:8080",
        "[fe80::1%2]:22", "[1:2:3:4:5:6:7:8]:9", "[1::8]:1", "[::ffff:10.0.0.1]:5", "[1:0:0:2::]:3"}) {
    const auto e = endpoint::parse(text);
    ASSERT_TRUE(e) << text;
    EXPECT_EQ(e->to_string(), text);
  }
}

TEST(endpoint, writes_the_shortest_form) {
  EXPECT_EQ(endpoint::parse("[0:0:0:0:0:0:0:1]:1")->to_string(), "[::1]:1");
  EXPECT_EQ(endpoint::parse("[2001:0DB8:0000::0001]:1")->to_string(), "[2001:db8::1]:1");
  EXPECT_EQ(endpoint::parse("[1:0:2:3:4:5:6:7]:1")->to_string(),
            "[1:0:2:3:4:5:6:7]:1"); // one zero is not shortened
  EXPECT_EQ(endpoint::parse("[1:0:0:2:0:0:0:3]:1")->to_string(), "[1:0:0:2::3]:1");   // the longest run
  EXPECT_EQ(endpoint::parse("[1:0:0:2:3:0:0:4]:1")->to_string(), "[1::2:3:0:0:4]:1"); // the first of equals
  EXPECT_EQ(endpoint::parse("[64:ff9b::192.0.2.33]:1")->to_string(), "[64:ff9b::c000:221]:1");
}

TEST(endpoint, refuses_what_is_no_address) {
  for (const char* text : {"",
                           ":",
                           "1.2.3.4",
                           "1.2.3.4:",
                           "1.2.3.4:65536",
                           "1.2.3.4:-1",
                           "1.2.3.4:+1",
                           "1.2.3.4:080",
                           "1.2.3:80",
                           "1.2.3.4.5:80",
                           "01.2.3.4:80",
                           "256.2.3.4:80",
                           "1.2.3.4 :80",
                           " 1.2.3.4:80",
                           "0x1.2.3.4:80",
                           "localhost:80",
                           "::1:80",
                           "[::1]",
                           "[::1]80",
                           "[1.2.3.4]:80",
                           "[:::]:80",
                           "[1::2::3]:80",
                           "[12345::]:80",
                           "[1:2:3:4:5:6:7]:80",
                           "[1:2:3:4:5:6:7:8:9]:80",
                           "[1:2:3:4:5:6:7::8]:80:",
                           "[1:2:3:4:5:6:7:8::]:80",
                           "[:1]:80",
                           "[1:]:80",
                           "[g::]:80",
                           "[::1.2.3]:80",
                           "[::1.2.3.4.5]:80",
                           "[1:2:3:4:5:6:7:1.2.3.4]:80",
                           "[fe80::1%]:80",
                           "[fe80::1%eth0]:80",
                           "[]:80",
                           "[::1%99999999999]:80",
                           "[::-1]:80"})
    EXPECT_FALSE(endpoint::parse(text)) << text;
}

TEST(endpoint, agrees_with_the_c_library_on_random_addresses) {
  std::mt19937 random(20261121);
  for (int i = 0; i < 20'000; ++i) {
    endpoint::v6_bytes bytes;
    // Few different values, so that runs of zeros and mapped addresses are common.
    for (auto& b : bytes)
      b = static_cast<std::uint8_t>(random() % 3 == 0 ? random() : random() % 2 * 255 * (random() % 2));
    char text[INET6_ADDRSTRLEN];
    ASSERT_NE(::inet_ntop(AF_INET6, bytes.data(), text, sizeof text), nullptr);
    const auto parsed = endpoint::parse_address(text, 7);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, endpoint(bytes, 7)) << text;
    const std::string written = endpoint(bytes, 7).to_string();
    endpoint::v6_bytes back;
    ASSERT_EQ(::inet_pton(AF_INET6, written.substr(1, written.find(']') - 1).c_str(), back.data()), 1)
        << written;
    EXPECT_EQ(back, bytes) << written;
  }
}

TEST(endpoint, never_reads_beyond_the_text_it_is_given) {
  std::mt19937 random(7);
  constexpr std::string_view letters = "0123456789abcdef:.[]%";
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    for (auto n = random() % 24; n > 0; --n) text += letters[random() % letters.size()];
    const std::unique_ptr<char[]> exact(new char[text.size()]); // the address sanitizer watches its end
    std::memcpy(exact.get(), text.data(), text.size());
    if (const auto e = endpoint::parse({exact.get(), text.size()})) {
      EXPECT_EQ(endpoint::parse(e->to_string()), e) << text;
    }
  }
}

TEST(endpoint, goes_to_the_kernel_and_back) {
  for (const char* text : {"127.0.0.1:80", "[2001:db8::1]:65535", "[fe80::1%3]:1"}) {
    const endpoint e = *endpoint::parse(text);
    EXPECT_EQ(socket_address(e).to_endpoint(), e);
    EXPECT_EQ(subject_of(e).text(), text);
  }
  EXPECT_EQ(socket_address().to_endpoint(), endpoint());
}

TEST(endpoint, is_a_value) {
  constexpr endpoint a(endpoint::v4_bytes{10, 0, 0, 1}, 80);
  static_assert(a.with_port(81).port() == 81);
  static_assert(a != a.with_port(81) && a < a.with_port(81));
  static_assert(endpoint::loopback_v6(1).is_v6() && !endpoint::any_v4(1).is_v6());
  EXPECT_EQ(a.v4(), (endpoint::v4_bytes{10, 0, 0, 1}));
}

} // namespace
} // namespace thrum::net
