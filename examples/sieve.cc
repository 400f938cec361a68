// Hoare's prime sieve: a chain of fibers, each of which lets through what its prime does not divide.
#include <thrum/thrum.h>

#include <cstdio>

int main() {
  return thrum::run([] {
    thrum::chan<int> candidates;
    thrum::go([out = candidates] {
      for (int n = 2;; ++n) out.send(n);
    });
    for (int i = 0; i < 20; ++i) {
      const int prime = *candidates.recv();
      std::printf("%d%c", prime, i == 19 ? '\n' : ' ');
      thrum::chan<int> rest;
      thrum::go([in = candidates, out = rest, prime] {
        for (int n : in)
          if (n % prime != 0) out.send(n);
      });
      candidates = rest;
    }
    return 0; // the chain is still waiting; the end of the runtime asks it to stop
  });
}
