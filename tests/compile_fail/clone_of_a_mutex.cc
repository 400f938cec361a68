// error: thrum: nothing is known of this class, as it has constructors or private members
#include <thrum/clone.h>

#include <memory>
#include <mutex>

int main() {
  const auto locked = std::make_shared<std::mutex>();
  thrum::clone(locked)->lock();
}
