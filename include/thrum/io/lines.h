// lines(reader), chunks(reader, n): loops over a stream.
//
//   thrum::net::tcp_stream stream;
//   thrum::io::buffered_reader in(stream);
//   for (std::string_view line : thrum::io::lines(in)) report(std::string(line));
//   for (std::string_view block : thrum::io::chunks(in, 4096)) work(int(block.size())); // the last one may be shorter
//
// What the caller owes   As for the reader (io/buffered.h). The reader outlives the range. A view is good until the next turn.
// What is guaranteed     The loop ends at the end of the stream. What it has not come to is still in the reader.
// May park               begin() and ++ of the iterator.
// Happens-before         nothing.
// When it dies           Nothing is left behind.
// Errors                 All but the end of the stream are thrown, as io::failure: a loop has no other way to say that it ended too
//                        early. Who wants values calls read_line().
// Cost                   that of read_line() and peek().
// Source of the idea     Rust's BufRead::lines.
#pragma once

#include <thrum/io/buffered.h>

#include <cstddef>
#include <iterator>
#include <string_view>
#include <utility>

namespace thrum::io {

// A range over what next() gives, until that says errc::end_of_stream.
template <class Next> class view_range {
public:
  class iterator {
  public:
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    explicit iterator(view_range& range) : range_(&range) { ++*this; }
    std::string_view operator*() const noexcept { return range_->view_; }
    iterator& operator++() {
      result<std::string_view> r = range_->next_();
      if (r) {
        range_->view_ = *r;
      } else if (r.error() == errc::end_of_stream) {
        range_ = nullptr;
      } else {
        throw_failure(r.error());
      }
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept {
      return i.range_ == nullptr;
    }

  private:
    view_range* range_;
  };

  explicit view_range(Next next) : next_(std::move(next)) {}
  iterator begin() { return iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
  Next next_;
  std::string_view view_;
};

template <class Stream>
[[nodiscard]] auto lines(buffered_reader<Stream>& reader, const line_options& o = {}) {
  return view_range([&reader, o] { return reader.read_line(o); });
}

template <class Stream>
[[nodiscard]] auto chunks(buffered_reader<Stream>& reader, std::size_t size, deadline until = {}) {
  return view_range([&reader, size, until]() -> result<std::string_view> {
    result<std::string_view> r = reader.peek(size, until);
    if (r && r->empty()) return error{.code = errc::end_of_stream, .operation = "read"};
    if (r) reader.skip(r->size());
    return r;
  });
}

} // namespace thrum::io
