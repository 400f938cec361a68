// exception_group: several failures in one exception.
//
//   void serve_all() {
//     try {
//       thrum::task_group<thrum::joiner::collect> group;
//       for (int i = 0; i < 3; ++i) group.spawn([i] { work(i); });
//       group.join();
//     } catch (const thrum::exception_group& several) {
//       report(several.what()); // errors() has them all
//     }
//   }
//
// What the caller owes   Nothing.
// What is guaranteed     errors() are in the order in which they happened; there is at least one, unless the thrower says otherwise.
//                        what() says how many there are, and what the first ones say. Copies share what they hold.
// May park               no.
// Happens-before         as for any value.
// When it dies           It is a value.
// Errors                 std::bad_alloc from making one.
// Cost                   a shared vector.
// Source of the idea     Python's ExceptionGroup.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace thrum {

class exception_group : public std::exception {
public:
  explicit exception_group(std::vector<std::exception_ptr> errors);

  const std::vector<std::exception_ptr>& errors() const noexcept { return content_->errors; }
  const char* what() const noexcept override { return content_->text.c_str(); }

private:
  struct content {
    std::vector<std::exception_ptr> errors;
    std::string text;
  };
  std::shared_ptr<const content> content_;
};

} // namespace thrum
