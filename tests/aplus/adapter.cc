// Promises/A+ (promisesaplus.com): thrum's promises inside Node, for the 872 cases of promises-aplus-tests.
//
// Whose is what:
//   thrum's     states, settling once, who wins; adopting another promise and locking meanwhile; a promise resolved with itself;
//               reactions: queued and never called at once, in order, once; what they return or throw becomes the next
//               promise, whose future they return is adopted.
//   adapter's   JavaScript values in C++ (js_value); calling JavaScript functions; reading `then` of foreign objects and calling
//               it with two functions (2.3.3: thrum has no thenables). Those two functions settle a thrum promise that the outer
//               one has adopted, so that the first call wins (2.3.3.3.3) is thrum's again. What is not a function is ignored
//               by then (2.2.1), and std::logic_error is shown as a TypeError (2.3.1).
//
// Everything runs on Node's own thread, which is a plain thread for thrum. The executor is Node's loop: setImmediate() runs what
// was posted. A JavaScript promise may be forgotten unsettled, which in C++ would break it; so nothing here is ever freed.
#include <node_api.h>

#include <deque>
#include <memory>
#include <stdexcept>
#include <utility>

#include <thrum/future.h>

namespace {

napi_env env;

// A JavaScript value that C++ holds on to. In an array of one, because not every value may be referred to.
class js_value {
public:
  js_value() = default;
  explicit js_value(napi_value v) {
    napi_value box;
    napi_create_array_with_length(env, 1, &box);
    napi_set_element(env, box, 0, v);
    napi_create_reference(env, box, 1, &box_);
  }
  napi_value get() const {
    napi_value box, v;
    napi_get_reference_value(env, box_, &box);
    napi_get_element(env, box, 0, &v);
    return v;
  }

private:
  napi_ref box_ = nullptr; // never deleted; see above
};

struct js_error {
  js_value reason;
};

using promise = thrum::promise<js_value>;
using future = thrum::shared_future<js_value>;
using shared_promise = std::shared_ptr<promise>;

// Kept for ever.
shared_promise make_promise() {
  static auto* const all = new std::deque<shared_promise>;
  return all->emplace_back(std::make_shared<promise>());
}

napi_value undefined() {
  napi_value v;
  napi_get_undefined(env, &v);
  return v;
}
napi_valuetype type_of(napi_value v) {
  napi_valuetype t;
  napi_typeof(env, v, &t);
  return t;
}
[[noreturn]] void rethrow_pending() {
  napi_value thrown;
  napi_get_and_clear_last_exception(env, &thrown);
  throw js_error{js_value(thrown)};
}
napi_value call(napi_value f, napi_value self, std::size_t count, const napi_value* arguments) {
  napi_value result;
  if (napi_call_function(env, self, f, count, arguments, &result) != napi_ok) rethrow_pending();
  return result;
}
template <class F> napi_value make_function(F f) { // f(first argument) -> void
  napi_value made;
  napi_create_function(
      env, nullptr, 0,
      [](napi_env e, napi_callback_info info) -> napi_value {
        std::size_t count = 1;
        napi_value argument; // undefined if there is none
        void* data;
        napi_get_cb_info(e, info, &count, &argument, nullptr, &data);
        (*static_cast<F*>(data))(argument);
        return nullptr;
      },
      new F(std::move(f)), &made);
  return made;
}

// Node's loop as an executor.
class node_loop final : public thrum::executor {
public:
  void post(thrum::detail::task& t) override {
    queue_.push_back(&t);
    if (std::exchange(armed_, true)) return;
    napi_value global, set_immediate;
    napi_get_global(env, &global);
    napi_get_named_property(env, global, "setImmediate", &set_immediate);
    static const js_value drain(make_function([this](napi_value) { run(); }));
    const napi_value f = drain.get();
    call(set_immediate, global, 1, &f);
  }

private:
  void run() {
    armed_ = false;
    while (!queue_.empty()) {
      thrum::detail::task* t = queue_.front();
      queue_.pop_front();
      napi_handle_scope scope;
      napi_open_handle_scope(env, &scope);
      t->run(*t);
      napi_close_handle_scope(env, scope);
    }
  }
  std::deque<thrum::detail::task*> queue_;
  bool armed_ = false;
};
node_loop& loop = *new node_loop;

// ---- promises as JavaScript sees them

constexpr napi_type_tag tag{0x746872756d5f612bu, 0x70726f6d69736573u};

future* unwrap(napi_value v) {
  bool ours = false;
  if (type_of(v) != napi_object || napi_check_object_type_tag(env, v, &tag, &ours) != napi_ok || !ours)
    return nullptr;
  void* f;
  napi_unwrap(env, v, &f);
  return static_cast<future*>(f);
}

// [[Resolve]](p, x) of the standard.
void resolve(promise& p, napi_value x) {
  if (const future* f = unwrap(x)) {
    p.resolve(*f); // 2.3.1, 2.3.2
    return;
  }
  if (type_of(x) != napi_object && type_of(x) != napi_function) {
    p.set_value(js_value(x)); // 2.3.4
    return;
  }
  // 2.3.3. Decided before any JavaScript runs that might decide otherwise.
  const shared_promise inner = make_promise();
  if (!p.resolve(inner->get_future())) return;
  try {
    napi_value then;
    if (napi_get_named_property(env, x, "then", &then) != napi_ok) rethrow_pending();
    if (type_of(then) != napi_function) {
      inner->set_value(js_value(x));
      return;
    }
    const napi_value both[] = {make_function([inner](napi_value y) { resolve(*inner, y); }),
                               make_function([inner](napi_value r) {
                                 inner->set_exception(std::make_exception_ptr(js_error{js_value(r)}));
                               })};
    call(then, x, 2, both);
  } catch (...) { inner->set_exception(std::current_exception()); }
}

napi_value reason_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const js_error& e) { return e.reason.get(); } catch (const std::logic_error& e) {
    napi_value text, made;
    napi_create_string_utf8(env, e.what(), NAPI_AUTO_LENGTH, &text);
    napi_create_type_error(env, nullptr, text, &made);
    return made;
  }
}

napi_value then(napi_env, napi_callback_info info);

napi_value wrap(future f) {
  napi_value object, method;
  napi_create_object(env, &object);
  napi_type_tag_object(env, object, &tag);
  napi_wrap(env, object, new future(std::move(f)), nullptr, nullptr, nullptr);
  napi_create_function(env, "then", NAPI_AUTO_LENGTH, &then, nullptr, &method);
  napi_set_named_property(env, object, "then", method);
  return object;
}

napi_value then(napi_env, napi_callback_info info) {
  std::size_t count = 2;
  napi_value given[2], self;
  napi_get_cb_info(env, info, &count, given, &self, nullptr);
  const js_value on_fulfilled(given[0]), on_rejected(given[1]);
  auto next =
      unwrap(self)->settle(loop, [on_fulfilled, on_rejected](thrum::outcome<js_value> before) -> future {
        const napi_value reaction = (before ? on_fulfilled : on_rejected).get();
        if (type_of(reaction) != napi_function) { // 2.2.7.3, 2.2.7.4
          if (!before) std::rethrow_exception(before.error());
          return thrum::make_ready_future(*before);
        }
        const napi_value argument = before ? before->get() : reason_of(before.error());
        const napi_value x = call(reaction, undefined(), 1, &argument);
        if (const future* f = unwrap(x)) return *f;
        const shared_promise p = make_promise();
        resolve(*p, x);
        return p->get_future();
      });
  return wrap(std::move(next));
}

napi_value deferred(napi_env, napi_callback_info) {
  const shared_promise p = make_promise();
  napi_value object;
  napi_create_object(env, &object);
  napi_set_named_property(env, object, "promise", wrap(p->get_future()));
  napi_set_named_property(env, object, "resolve", make_function([p](napi_value x) { resolve(*p, x); }));
  napi_set_named_property(env, object, "reject", make_function([p](napi_value r) {
                            p->set_exception(std::make_exception_ptr(js_error{js_value(r)}));
                          }));
  return object;
}

} // namespace

NAPI_MODULE_INIT(/* napi_env env, napi_value exports */) {
  ::env = env;
  napi_value f;
  napi_create_function(env, "deferred", NAPI_AUTO_LENGTH, &deferred, nullptr, &f);
  napi_set_named_property(env, exports, "deferred", f);
  return exports;
}
