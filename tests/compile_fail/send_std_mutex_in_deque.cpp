// expect: use mpx::Lock
#include <deque>
#include <mutex>

#include "mpx/detail/encode.hpp"

using mpx::detail::encode;

int main() { encode(std::deque<std::mutex>(1)); }
