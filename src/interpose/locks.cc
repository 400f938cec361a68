// Stands in front of the C library's locks and notes which of them each thread holds: for THRUM_DEBUG=held_mutex, which
// asks through thrum_debug_take_held_locks() (src/sched/debug.cc). A library of its own, linked in front of libc or preloaded.
//
// Only calls from outside libc are seen: waiting for a condition variable unlocks and locks again inside, so the notes stay
// right. A lock that is unlocked by another thread than the one that noted it is not found there; the fiber that carried it
// across was reported, and its thread's notes were taken then.
#include <atomic>
#include <dlfcn.h>
#include <pthread.h>

namespace {

struct notes {
  static constexpr int most = 64; // what is held beyond is not noted
  const void* locks[most];
  int count;
};
constinit thread_local notes mine __attribute__((tls_model("initial-exec"))) = {};

void note(const void* lock) noexcept {
  if (mine.count < notes::most) mine.locks[mine.count++] = lock;
}

// The newest note first: locks are mostly released in reverse order.
void forget(const void* lock) noexcept {
  for (int i = mine.count; i-- > 0;)
    if (mine.locks[i] == lock) {
      mine.locks[i] = mine.locks[--mine.count];
      return;
    }
}

// The C library's own function. No function-local static: its guard might lock.
template <class F> class original {
public:
  explicit constexpr original(const char* name) noexcept : name_(name) {}
  template <class... A> int operator()(A... a) noexcept {
    F* f = function_.load(std::memory_order_relaxed); // relaxed: all threads find the same
    if (f == nullptr) {
      f = reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name_));
      function_.store(f, std::memory_order_relaxed); // relaxed: as above
    }
    return f(a...);
  }

private:
  const char* name_;
  std::atomic<F*> function_{nullptr};
};

int noted(int result, const void* lock) noexcept {
  if (result == 0) note(lock);
  return result;
}

} // namespace

extern "C" {

int thrum_debug_take_held_locks(const void** locks, int capacity) noexcept;
int thrum_debug_take_held_locks(const void** locks, int capacity) noexcept {
  const int n = mine.count < capacity ? mine.count : capacity;
  for (int i = 0; i < n; ++i) locks[i] = mine.locks[i];
  mine.count = 0;
  return n;
}

#define THRUM_LOCKS(name, type)                                                                              \
  int name(type* lock) noexcept {                                                                            \
    static constinit original<int(type*)> real(#name);                                                       \
    return noted(real(lock), lock);                                                                          \
  }
#define THRUM_LOCKS_UNTIL(name, type)                                                                        \
  int name(type* lock, const timespec* time) noexcept {                                                      \
    static constinit original<int(type*, const timespec*)> real(#name);                                      \
    return noted(real(lock, time), lock);                                                                    \
  }
#define THRUM_LOCKS_UNTIL_CLOCK(name, type)                                                                  \
  int name(type* lock, clockid_t clock, const timespec* time) noexcept {                                     \
    static constinit original<int(type*, clockid_t, const timespec*)> real(#name);                           \
    return noted(real(lock, clock, time), lock);                                                             \
  }
#define THRUM_UNLOCKS(name, type)                                                                            \
  int name(type* lock) noexcept {                                                                            \
    static constinit original<int(type*)> real(#name);                                                       \
    forget(lock);                                                                                            \
    return real(lock);                                                                                       \
  }

THRUM_LOCKS(pthread_mutex_lock, pthread_mutex_t)
THRUM_LOCKS(pthread_mutex_trylock, pthread_mutex_t)
THRUM_LOCKS_UNTIL(pthread_mutex_timedlock, pthread_mutex_t)
THRUM_LOCKS_UNTIL_CLOCK(pthread_mutex_clocklock, pthread_mutex_t)
THRUM_UNLOCKS(pthread_mutex_unlock, pthread_mutex_t)

THRUM_LOCKS(pthread_rwlock_rdlock, pthread_rwlock_t)
THRUM_LOCKS(pthread_rwlock_tryrdlock, pthread_rwlock_t)
THRUM_LOCKS_UNTIL(pthread_rwlock_timedrdlock, pthread_rwlock_t)
THRUM_LOCKS_UNTIL_CLOCK(pthread_rwlock_clockrdlock, pthread_rwlock_t)
THRUM_LOCKS(pthread_rwlock_wrlock, pthread_rwlock_t)
THRUM_LOCKS(pthread_rwlock_trywrlock, pthread_rwlock_t)
THRUM_LOCKS_UNTIL(pthread_rwlock_timedwrlock, pthread_rwlock_t)
THRUM_LOCKS_UNTIL_CLOCK(pthread_rwlock_clockwrlock, pthread_rwlock_t)
THRUM_UNLOCKS(pthread_rwlock_unlock, pthread_rwlock_t)

} // extern "C"
