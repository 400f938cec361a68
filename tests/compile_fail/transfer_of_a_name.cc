// error: thrum: what is transferred is gone afterwards: write transfer(std::move(x))
#include <thrum/isolate.h>

void give(thrum::isolate<std::vector<int>, int>& to, std::vector<int>& all) { to.post(thrum::transfer(all)); }

int main() {}
