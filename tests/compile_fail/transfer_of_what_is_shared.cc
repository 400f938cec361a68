// error: thrum: this cannot be transferred, as it may share something with others
#include <thrum/isolate.h>

void give(thrum::isolate<std::vector<std::shared_ptr<int>>, int>& to,
          std::vector<std::shared_ptr<int>>& all) {
  to.post(thrum::transfer(std::move(all)));
}

int main() {}
