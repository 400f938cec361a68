// compiler: the compiler of X20, as the other languages of the experiment have it: lex, parse, resolve, type, emit. load.cc has the
// grammar. Who runs it where, and what guards the table of symbols, is not its affair.
#pragma once

#include <charconv>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace compiler {

// A type is one character, 'i' or 'b'; so the types of parameters are a string.
struct symbol {
  std::string parameters;
  char result = 0;
  std::uint32_t id = 0;
  std::uint32_t uses = 0;
};

constexpr std::uint32_t hash_basis = 2166136261;
constexpr std::uint32_t mix(std::uint32_t hash, std::uint32_t word) {
  return (hash ^ word) * 16777619;
} // FNV

inline std::uint32_t id_of(std::string_view name) {
  std::uint32_t hash = hash_basis;
  for (const char c : name) hash = mix(hash, static_cast<unsigned char>(c));
  return hash;
}

// ---- lex

struct token {
  char kind; // 'w' word, 'n' number, 'e' "==", 'a' "->", '.' the end; or itself
  std::string_view text;
};

inline std::vector<token> lex(std::string_view source) {
  auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  std::vector<token> out;
  for (std::size_t at = 0; at < source.size();) {
    const std::size_t begin = at;
    const char c = source[at++];
    const char next = at < source.size() ? source[at] : '\0';
    if (c == ' ' || c == '\n') continue;
    char kind = c;
    if (c == '/' && next == '/') {
      at = source.find('\n', at);
      if (at == source.npos) break;
      continue;
    } else if (is_letter(c)) {
      while (at < source.size() && (is_letter(source[at]) || is_digit(source[at]))) ++at;
      kind = 'w';
    } else if (is_digit(c)) {
      while (at < source.size() && is_digit(source[at])) ++at;
      kind = 'n';
    } else if (c == '=' && next == '=') {
      ++at, kind = 'e';
    } else if (c == '-' && next == '>') {
      ++at, kind = 'a';
    }
    out.push_back({kind, source.substr(begin, at - begin)});
  }
  out.push_back({'.', ""});
  return out;
}

// ---- parse

// One behind the other, as they were added. They live in the memory of their file, which ends all of them at once.
template <class Node> struct list {
  Node* first = nullptr;
  Node* last = nullptr;

  Node& add(Node* n) { return *(last = (first == nullptr ? first : last->next) = n); }
  struct iterator {
    Node* at;
    Node& operator*() const { return *at; }
    iterator& operator++() { return at = at->next, *this; }
    bool operator==(const iterator&) const = default;
  };
  iterator begin() const { return {first}; }
  iterator end() const { return {nullptr}; }
};

struct expression {
  char kind;               // 'n' number, 'b' true or false, 'v' variable, 'c' call; or an operator: + - * < e
  std::uint32_t value = 0; // a number; a variable's slot
  std::string_view name{};
  const symbol* callee = nullptr;
  list<expression> parts{};
  expression* next = nullptr;
};

struct statement {
  char kind; // 'l' let, 'i' if, 'r' return
  std::uint32_t slot = 0;
  std::string_view name{};
  expression* value = nullptr;
  list<statement> body{};
  statement* next = nullptr;
};

struct function {
  std::string_view name;
  std::vector<std::string_view> parameters; // their names
  symbol signature;
  list<statement> body;
};

struct file {
  std::pmr::monotonic_buffer_resource memory{16 * 1024};
  std::vector<function> functions;
};

class parser {
public:
  parser(std::string_view source, file& into) : tokens_(lex(source)), nodes_(&into.memory) {
    while (tokens_[at_].kind != '.') into.functions.push_back(function_());
  }

private:
  [[noreturn]] void refuse() const {
    throw std::runtime_error("unexpected " + std::string(tokens_[at_].text));
  }
  bool accept(char kind) { return tokens_[at_].kind == kind && (++at_, true); }
  bool accept(std::string_view word) { return tokens_[at_].text == word && (++at_, true); }
  std::string_view expect(char kind) {
    if (tokens_[at_].kind != kind) refuse();
    return tokens_[at_++].text;
  }
  char type() { return accept("int") ? 'i' : accept("bool") ? 'b' : (refuse(), '\0'); }

  function function_() {
    if (!accept("fn")) refuse();
    function f{expect('w'), {}, {}, {}};
    expect('(');
    do {
      f.parameters.push_back(expect('w'));
      expect(':');
      f.signature.parameters += type();
    } while (accept(','));
    expect(')');
    expect('a');
    f.signature.result = type();
    f.signature.id = id_of(f.name);
    f.body = block();
    return f;
  }
  list<statement> block() {
    list<statement> out;
    expect('{');
    while (!accept('}')) {
      const char kind = accept("let") ? 'l' : accept("if") ? 'i' : accept("return") ? 'r' : (refuse(), '\0');
      statement& s = out.add(nodes_.new_object<statement>(kind));
      if (s.kind == 'l') s.name = expect('w'), expect('=');
      s.value = whole();
      if (s.kind == 'i')
        s.body = block();
      else
        expect(';');
    }
    return out;
  }

  expression* leaf(char kind, std::string_view name, std::uint32_t value = 0) {
    return nodes_.new_object<expression>(kind, value, name);
  }
  expression* binary(char kind, expression* left, expression* right) {
    expression* out = leaf(kind, {});
    out->parts.add(left);
    out->parts.add(right);
    return out;
  }
  expression* whole() {
    expression* left = sum();
    for (const char kind : {'<', 'e'})
      if (accept(kind)) return binary(kind, left, sum());
    return left;
  }
  expression* sum() {
    expression* left = product();
    for (;;)
      if (accept('+'))
        left = binary('+', left, product());
      else if (accept('-'))
        left = binary('-', left, product());
      else
        return left;
  }
  expression* product() {
    expression* left = atom();
    while (accept('*')) left = binary('*', left, atom());
    return left;
  }
  expression* atom() {
    if (accept('(')) {
      expression* inner = whole();
      expect(')');
      return inner;
    }
    if (tokens_[at_].kind == 'n') {
      const std::string_view digits = expect('n');
      std::uint32_t value = 0;
      std::from_chars(digits.data(), digits.data() + digits.size(), value);
      return leaf('n', digits, value);
    }
    const std::string_view name = expect('w');
    if (name == "true" || name == "false") return leaf('b', name, name == "true");
    if (!accept('(')) return leaf('v', name);
    expression* call = leaf('c', name);
    do call->parts.add(whole());
    while (accept(','));
    expect(')');
    return call;
  }

  std::vector<token> tokens_;
  std::size_t at_ = 0;
  std::pmr::polymorphic_allocator<> nodes_;
};

// ---- resolve: what names mean. table.use(name) gives the symbol, and counts it.

template <class Table> class resolver {
public:
  resolver(function& f, Table& table) : known_(f.parameters), table_(table) { block(f.body); }

private:
  void block(const list<statement>& all) {
    const std::size_t outside = known_.size();
    for (statement& s : all) {
      visit(*s.value);
      if (s.kind == 'l') s.slot = static_cast<std::uint32_t>(known_.size()), known_.push_back(s.name);
      block(s.body);
    }
    known_.resize(outside);
  }
  void visit(expression& e) {
    if (e.kind == 'v') e.value = slot(e.name);
    if (e.kind == 'c') e.callee = &table_.use(e.name);
    for (expression& part : e.parts) visit(part);
  }
  std::uint32_t slot(std::string_view name) const {
    for (std::size_t i = known_.size(); i > 0; --i)
      if (known_[i - 1] == name) return static_cast<std::uint32_t>(i - 1);
    throw std::runtime_error(std::string(name) + " is not known");
  }

  std::vector<std::string_view> known_;
  Table& table_;
};

// ---- type: whether everything is of the type that is wanted

class checker {
public:
  explicit checker(const function& f) : result_(f.signature.result), known_(f.signature.parameters) {
    block(f.body);
  }

private:
  void block(const list<statement>& all) {
    const std::size_t outside = known_.size();
    for (const statement& s : all) {
      const char found = type_of(*s.value);
      if (s.kind == 'l') known_ += found;
      if (s.kind == 'i') want('b', found);
      if (s.kind == 'r') want(result_, found);
      block(s.body);
    }
    known_.resize(outside);
  }
  char type_of(const expression& e) const {
    switch (e.kind) {
    case 'n': return 'i';
    case 'b': return 'b';
    case 'v': return known_[e.value];
    case 'c': {
      std::string_view wanted = e.callee->parameters;
      for (const expression& part : e.parts) {
        if (wanted.empty()) throw std::runtime_error("too many arguments");
        want(wanted.front(), type_of(part));
        wanted.remove_prefix(1);
      }
      if (!wanted.empty()) throw std::runtime_error("too few arguments");
      return e.callee->result;
    }
    default:
      for (const expression& part : e.parts) want('i', type_of(part));
      return e.kind == '<' || e.kind == 'e' ? 'b' : 'i';
    }
  }
  static void want(char wanted, char found) {
    if (wanted != found) throw std::runtime_error("an expression of the wrong type");
  }

  char result_;
  std::string known_; // types of the slots
};

// ---- emit: words for a machine with a stack

class emitter {
public:
  void add(const function& f) {
    put('f', f.signature.id);
    block(f.body);
  }
  std::uint32_t checksum() const {
    std::uint32_t hash = hash_basis;
    for (const std::uint32_t word : code_) hash = mix(hash, word);
    return hash;
  }

private:
  void put(char what, std::uint32_t operand) {
    code_.push_back(static_cast<unsigned char>(what));
    code_.push_back(operand);
  }
  void block(const list<statement>& all) {
    for (const statement& s : all) {
      visit(*s.value);
      if (s.kind == 'l') put('l', s.slot);
      if (s.kind == 'r') put('r', 0);
      if (s.kind != 'i') continue;
      put('i', 0); // a jump behind the body
      const std::size_t jump = code_.size() - 1;
      block(s.body);
      code_[jump] = static_cast<std::uint32_t>(code_.size());
    }
  }
  void visit(const expression& e) {
    for (const expression& part : e.parts) visit(part);
    put(e.kind, e.kind == 'c' ? e.callee->id : e.value);
  }

  std::vector<std::uint32_t> code_;
};

// ---- the two halves of the work on a file: what it declares has to be known before anybody's calls are resolved

template <class Table> std::unique_ptr<file> declare(std::string_view source, Table& table) {
  auto out = std::make_unique<file>();
  parser(source, *out);
  for (const function& f : out->functions) table.add(f.name, f.signature);
  return out;
}

template <class Table> std::uint32_t finish(file& parsed, Table& table) {
  emitter out;
  for (function& f : parsed.functions) {
    resolver(f, table);
    checker{f};
    out.add(f);
  }
  return out.checksum();
}

} // namespace compiler
