// error: give it encode_to() and decode_from() (codec.h)
#include <thrum/codec.h>

class secret {
public:
  explicit secret(int n) : number_(n) {}

private:
  [[maybe_unused]] int number_;
};
int main() { return static_cast<int>(thrum::encode(secret(1)).size()); }
