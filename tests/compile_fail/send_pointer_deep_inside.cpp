// expect: a raw pointer cannot travel between processes
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mpx/detail/encode.hpp"

using mpx::detail::encode;

int main() {
  encode(std::map<std::string, std::vector<std::optional<std::variant<int, char*>>>>{});
}
