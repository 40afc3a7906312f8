#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "call.hpp"

struct Model {
  int n = 0;
  int step(int by) { return n += by; }
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& n;
  }
};

int twice(int a) { return 2 * a; }
double twice(double a) { return 2 * a; }
int length(std::string_view text) { return static_cast<int>(text.size()); }
int sum(std::span<int> row, const std::string& name) {
  return static_cast<int>(row.size() + name.size());
}

int main() {
  call(static_cast<int (*)(int)>(twice), 1);
  call(length, "text");
  call(sum, std::vector<int>{1}, "name");
  call(&Model::step, Model{}, 1);
  call(mpx::bind_front(&Model::step, Model{}), 1);
  call(mpx::bind_front([](int k, auto a) { return k + a; }, 1), 2);
  mpx::detail::encode(std::map<std::string, std::vector<Model>>{});
}
