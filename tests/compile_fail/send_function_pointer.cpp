// expect: a function pointer cannot travel as a value
#include "mpx/detail/encode.hpp"

using mpx::detail::encode;

void main_body();

int main() { encode(&main_body); }
