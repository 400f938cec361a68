// Directories: what std::filesystem does, and errors that name operation and path.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <unistd.h>
#include <vector>

#include <thrum/io/directory.h>
#include <thrum/io/file.h>
#include <thrum/runtime.h>

namespace thrum::io {
namespace {

TEST(directories, are_made_listed_renamed_and_removed) {
  run([] {
    std::string top = "/tmp/thrum-directory-XXXXXX";
    ASSERT_NE(::mkdtemp(top.data()), nullptr);
    EXPECT_TRUE(create_directory(top + "/a").value());
    EXPECT_FALSE(create_directory(top + "/a").value());
    EXPECT_TRUE(create_directories(top + "/b/c/d").value());
    write_file(top + "/f", "12345").value();
    EXPECT_EQ(file_size(top + "/f").value(), 5u);
    rename(top + "/f", top + "/g").value();
    std::vector<std::string> names;
    const auto all = entries(top).value();
    for (const directory_entry& e : all) names.push_back(e.path().filename());
    std::ranges::sort(names);
    EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "g"}));
    EXPECT_TRUE(std::filesystem::is_directory(status_of(top + "/b").value()));
    EXPECT_EQ(status_of(top + "/f").value().type(), std::filesystem::file_type::not_found);
    EXPECT_TRUE(remove(top + "/a").value());
    EXPECT_FALSE(remove(top + "/a").value());
    EXPECT_EQ(remove_all(top).value(), 5u); // itself, b, c, d and g
  });
}

TEST(directories, say_what_was_tried_on_which_path) {
  const auto message = [](const auto& r) { return r ? std::string("none") : r.error().message(); };
  EXPECT_EQ(message(entries("/no/such")), "list /no/such: No such file or directory");
  EXPECT_EQ(message(create_directory("/no/such/one")), "create /no/such/one: No such file or directory");
  EXPECT_EQ(message(rename("/no/such", "/tmp/x")), "rename /no/such: No such file or directory");
  EXPECT_EQ(message(remove("/proc/self/fd")).substr(0, 21), "remove /proc/self/fd:");
  EXPECT_EQ(message(file_size("/no/such")), "find size of /no/such: No such file or directory");
}

} // namespace
} // namespace thrum::io
