// rcu: lock-free readers, and objects that are deleted when the last reader who may see them is done (read, copy, update).
//
//   struct settings : thrum::rcu_obj_base<settings> { int limit = 10; };
//   std::atomic<const settings*> current{new settings};
//   int limit_now() { const std::scoped_lock region(thrum::rcu_default_domain()); return current.load()->limit; }
//   void change(settings* to) { const_cast<settings*>(current.exchange(to))->retire(); }
//
// A reader opens a *region*, takes what it needs from atomic pointers, and closes the region. Who replaces an object takes it out
// first, so that no new reader finds it, and then retires it: its deleter is called when all regions have been closed that were open by
// then. The names are those of C++26, and so is what they do; what goes beyond the standard: regions may be held across waits,
// rcu_region, domains of one's own, waits that can be cancelled.
//
//   thrum::rcu_region region;                  // a region that is an object
//   auto later = thrum::spawn([region = std::move(region)] { compute(); });
//   later.join();
//
// lock() and unlock() belong to whoever calls them, as with a mutex: the fiber, wherever it goes on, or the thread. Regions may be
// nested. An rcu_region belongs to nobody: it may be moved, held by a coroutine over a co_await, and closed by another.
//
// What the caller owes   Who locks unlocks, before it ends: unlocking what one has not locked panics. In a region, only what
//                        was loaded from an atomic within it is used (memory_order_acquire or stronger). What is retired can no longer
//                        be found, and is retired once: twice panics, as far as can be seen.
//                        Not rcu_synchronize() or rcu_barrier() within a region of the same domain: it would wait for itself. With
//                        lock() that panics; an rcu_region is not seen. Not rcu_barrier() in a deleter: that panics.
//                        Not in a signal handler.
// What is guaranteed     A deleter begins only when every region is closed that was open when its object was retired. New
//                        readers do not delay it. rcu_synchronize() returns when the same is true of its call, rcu_barrier()
//                        when the deleters of all that was retired before have returned.
// Deleters               are called in the order of retiring, one at a time for each domain, in a fiber "rcu" of the runtime whose
//                        fiber retired the object or closed the last region (on a plain thread: of the default runtime). They may wait,
//                        retire, and open regions; stop requests do not interrupt them. One that waits delays those behind it.
//                        An exception that leaves a deleter goes to options.on_unhandled (runtime.h), or ends the program.
// Memory that waits      is what was retired in the last two periods, a period being as long as the longest region that is open when it
//                        begins; or, if that is more, what was retired until a processor came to the fiber above. No number bounds
//                        it: retire() never waits, so that it may be called in a region and on a strand. A writer that could outrun its
//                        readers says itself when it has had enough, outside of regions:
//                        if (domain.waiting() > 1'000) rcu_barrier(domain). A reader who parks in a region for long uses a domain
//                        of its own, or what all others retire in the default domain waits for it, too.
// Cancellation           rcu_synchronize() and rcu_barrier() throw `cancelled` (the standard's never throw); nothing is lost
//                        then, deleters are called all the same. Locking never waits.
// May park               rcu_synchronize(), rcu_barrier(), a domain's destructor.
// Happens-before         unlock -> what waited for it: the deleter, the return of rcu_synchronize. What was done before a region was
//                        retired from, or rcu_synchronize called -> regions that need not be waited for. A deleter's end -> the
//                        return of rcu_barrier.
// When it dies           A domain waits in its destructor until all deleters have returned; stop requests do not interrupt it. No
//                        region is open and nobody waits then (it panics), and no call of it is under way. The default domain
//                        never dies. At the end of a runtime the deleters that its fibers are at are waited for (options.drain); at the
//                        end of the process what still waits is not deleted: rcu_barrier() before, if it matters.
// Errors                 std::bad_alloc, from rcu_retire(), which allocates, and from making a domain. retire() does not. (Without
//                        memory for a fiber's first lock() in a domain of one's own the program ends.)
// Cost                   lock and unlock: no atomic read-modify-write, and no cache line that another thread writes to, whoever reads
//                        beside: 6 ns together, an rcu_region 4 ns, in a domain of one's own 10 ns and two allocations in a fiber's
//                        first (November 2026). From the 129th thread on: two read-modify-writes. To retire and delete: 22 ns with new
//                        and delete. A period, which serves all who wait for it: a system call (membarrier, 0.3 to 14 us), two if
//                        it has to wait, and a look at a cache line for each thread. A domain takes 18 KiB.
// Source of the idea     C++26 (P2545); sleepable RCU of Linux, for readers that wait; userspace RCU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace thrum {

namespace sync {
class rcu_core; // src/sync/rcu.cc
}

class rcu_domain;
[[nodiscard]] rcu_domain& rcu_default_domain() noexcept;

class rcu_domain {
public:
  rcu_domain();
  ~rcu_domain();
  rcu_domain(const rcu_domain&) = delete;
  rcu_domain& operator=(const rcu_domain&) = delete;

  // Opens a region, and closes the one that was opened last. For std::scoped_lock and std::unique_lock. Never park.
  void lock() noexcept;
  [[nodiscard]] bool try_lock() noexcept {
    lock();
    return true;
  }
  void unlock() noexcept;

  // How many objects are retired and not deleted yet.
  [[nodiscard]] std::size_t waiting() const noexcept;

private:
  friend class rcu_region;
  friend sync::rcu_core& core_of(rcu_domain& d) noexcept { return *d.core_; }
  friend rcu_domain& rcu_default_domain() noexcept;
  explicit constexpr rcu_domain(sync::rcu_core* of_default) noexcept : core_(of_default) {}

  static std::uint32_t enter(sync::rcu_core& core) noexcept;
  static void leave(sync::rcu_core& core, std::uint32_t phase) noexcept;

  sync::rcu_core* const core_;
};

// Waits until every region is closed that is open now. Throws `cancelled`.
void rcu_synchronize(rcu_domain& domain = rcu_default_domain());
// Waits until the deleters have returned of all that was retired before. Throws `cancelled`.
void rcu_barrier(rcu_domain& domain = rcu_default_domain());

// A region that is an object: see the head of this file.
class [[nodiscard]] rcu_region {
public:
  rcu_region() noexcept : rcu_region(rcu_default_domain()) {}
  explicit rcu_region(rcu_domain& domain) noexcept : core_(domain.core_), phase_(rcu_domain::enter(*core_)) {}
  rcu_region(rcu_region&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)), phase_(other.phase_) {}
  rcu_region& operator=(rcu_region&& other) noexcept {
    if (this != &other) {
      close();
      core_ = std::exchange(other.core_, nullptr);
      phase_ = other.phase_;
    }
    return *this;
  }
  ~rcu_region() { close(); }

  // Before its end. A second time, or after it was moved from: nothing.
  void close() noexcept {
    if (core_ != nullptr) rcu_domain::leave(*std::exchange(core_, nullptr), phase_);
  }
  [[nodiscard]] bool is_open() const noexcept { return core_ != nullptr; }

private:
  sync::rcu_core* core_;
  std::uint32_t phase_;
};

namespace detail {

// What a domain links. In the object, or in front of its address.
struct rcu_node {
  rcu_node() = default;
  rcu_node(const rcu_node&) noexcept {} // a copy of what is retired is not
  rcu_node& operator=(const rcu_node&) noexcept { return *this; }

  rcu_node* next = nullptr;             // guarded by the domain
  void (*reclaim)(rcu_node&) = nullptr; // not null: it is retired
};

void retire_node(rcu_domain& domain, rcu_node& node, void (*reclaim)(rcu_node&)) noexcept;

} // namespace detail

// The base of a class whose objects retire without an allocation: class T : public rcu_obj_base<T>. D: how one is deleted, called as
// d(T*).
template <class T, class D = std::default_delete<T>> class rcu_obj_base : private detail::rcu_node {
public:
  // Has d(this as a T*) called when no region can see it any more. Never parks.
  void retire(D d = D(), rcu_domain& domain = rcu_default_domain()) noexcept {
    static_assert(std::is_base_of_v<rcu_obj_base, T>,
                  "thrum: T is the class that derives from rcu_obj_base<T>");
    deleter_ = std::move(d);
    detail::retire_node(domain, *this, [](detail::rcu_node& node) {
      auto& self = static_cast<rcu_obj_base&>(node);
      D last = std::move(self.deleter_); // it deletes where it was
      last(static_cast<T*>(&self));
    });
  }

protected:
  rcu_obj_base() = default;
  rcu_obj_base(const rcu_obj_base&) = default;
  rcu_obj_base(rcu_obj_base&&) = default;
  rcu_obj_base& operator=(const rcu_obj_base&) = default;
  rcu_obj_base& operator=(rcu_obj_base&&) = default;
  ~rcu_obj_base() = default;

private:
  [[no_unique_address]] D deleter_;
};

// The same for an object of any class. Throws std::bad_alloc, and what moving d throws; nothing is retired then. Never parks.
template <class T, class D = std::default_delete<T>>
void rcu_retire(T* p, D d = D(), rcu_domain& domain = rcu_default_domain()) {
  struct retired : detail::rcu_node {
    retired(T* what, D&& how) : object(what), deleter(std::move(how)) {}
    T* object;
    [[no_unique_address]] D deleter;
  };
  detail::retire_node(domain, *new retired(p, std::move(d)), [](detail::rcu_node& node) {
    const std::unique_ptr<retired> self(static_cast<retired*>(&node));
    self->deleter(self->object);
  });
}

} // namespace thrum
