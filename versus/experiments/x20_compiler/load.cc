// What the compilers of X20 compile, the same for all of them: so many files of a small language, from a generator with a seed.
//
//   x20_compiler_load FILES        writes them to standard output, a form feed behind each
//
// A file has four functions. They call each other across files, in both directions, so no order of the files has every
// function before its calls: all have to be declared before the first is resolved.
//
//   file       = { "fn" name "(" name ":" type { "," name ":" type } ")" "->" type block }
//   block      = "{" { "let" name "=" expression ";" | "if" expression block | "return" expression ";" } "}"
//   expression = sum [ ( "<" | "==" ) sum ]
//   sum        = product { ( "+" | "-" ) product }
//   product    = atom { "*" atom }
//   atom       = number | "true" | "false" | name [ "(" expression { "," expression } ")" ] | "(" expression ")"
//   type       = "int" | "bool"
//
// Numbers are decimal, comments run from "//" to the end of the line. What was declared in a block is known until its end.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr unsigned functions = 4; // of a file

// Signatures follow from the place, so that a call can be written before the function is.
unsigned parameters(unsigned file, unsigned function) { return 1 + (file * 7 + function * 3) % 3; }
bool takes_bool(unsigned file, unsigned function, unsigned i) { return (file + function + i) % 4 == 3; }
bool gives_bool(unsigned file, unsigned function) { return (file + 2 * function) % 5 == 0; }

struct variable {
  std::string name;
  bool is_bool;
};

class writer {
public:
  explicit writer(unsigned files) : files_(files) {}

  std::string file(unsigned number) {
    state_ = number * 2654435761u + 1;
    text_ = "// File " + std::to_string(number) + " of the program that X20 compiles.\n";
    for (unsigned i = 0; i < functions; ++i) function(number, i);
    return text_;
  }

private:
  unsigned chance(unsigned below) { // xorshift
    state_ ^= state_ << 13, state_ ^= state_ >> 17, state_ ^= state_ << 5;
    return state_ % below;
  }
  static std::string name(unsigned file, unsigned function) {
    return "step_" + std::to_string(file) + "_" + std::to_string(function);
  }
  static const char* type(bool is_bool) { return is_bool ? "bool" : "int"; }

  void function(unsigned file, unsigned number) {
    known_.clear();
    text_ += "\nfn " + name(file, number) + "(";
    for (unsigned i = 0; i < parameters(file, number); ++i) {
      known_.push_back({"given_" + std::to_string(i), takes_bool(file, number, i)});
      text_ += (i > 0 ? ", " : "") + known_.back().name + ": " + type(known_.back().is_bool);
    }
    const bool result = gives_bool(file, number);
    text_ += std::string(") -> ") + type(result) + " {\n";
    for (unsigned i = 2 + chance(3); i > 0; --i) let("  ");
    text_ += "  if " + expression(true, 1) + " {\n";
    const std::size_t outside = known_.size();
    let("    ");
    text_ += "    return " + expression(result, 1) + ";\n  }\n";
    known_.resize(outside);
    let("  ");
    text_ += "  return " + expression(result, 2) + ";\n}\n";
  }
  void let(const std::string& indent) {
    const bool is_bool = chance(4) == 0;
    const std::string value = expression(is_bool, 2), fresh = "value_" + std::to_string(known_.size());
    text_ += indent + "let " + fresh + " = " + value + ";\n";
    known_.push_back({fresh, is_bool});
  }
  std::string expression(bool is_bool, unsigned depth) {
    if (depth == 0) return leaf(is_bool);
    const unsigned kind = chance(8);
    if (kind < 2) return call(is_bool, depth - 1);
    const std::string left = expression(false, depth - 1), right = expression(false, depth - 1);
    if (is_bool) return left + (kind < 5 ? " < " : " == ") + right;
    if (kind < 4) return left + " + " + right;
    if (kind < 6) return left + " - " + right;
    return "(" + left + ") * (" + right + ")";
  }
  std::string leaf(bool is_bool) {
    for (unsigned tries = chance(4); tries > 0; --tries)
      if (const variable& v = known_[chance(static_cast<unsigned>(known_.size()))]; v.is_bool == is_bool)
        return v.name;
    if (is_bool) return chance(2) == 0 ? "true" : "false";
    return std::to_string(chance(1000));
  }
  std::string call(bool is_bool, unsigned depth) {
    unsigned file = chance(files_), number = chance(functions);
    while (gives_bool(file, number) != is_bool) file = chance(files_), number = chance(functions);
    std::string text = name(file, number) + "(";
    for (unsigned i = 0; i < parameters(file, number); ++i)
      text += (i > 0 ? ", " : "") + expression(takes_bool(file, number, i), depth);
    return text + ")";
  }

  unsigned files_, state_ = 1;
  std::string text_;
  std::vector<variable> known_;
};

} // namespace

int main(int argc, char** argv) {
  const int files = argc == 2 ? std::atoi(argv[1]) : 0;
  if (files < 5) { // among five files every signature has functions of both types to call
    std::fprintf(stderr, "usage: x20_compiler_load FILES, at least 5\n");
    return 2;
  }
  writer all(static_cast<unsigned>(files));
  for (int i = 0; i < files; ++i) {
    const std::string text = all.file(static_cast<unsigned>(i));
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\f', stdout);
  }
}
